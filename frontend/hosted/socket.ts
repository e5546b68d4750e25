/** Gives socket.io-client to the part of the page that is there already. */

import { io } from "socket.io-client";

window.socketArrived(io);
