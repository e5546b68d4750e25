/** The end of the page: socket.io-client, given to what is there already. */

import { io } from "socket.io-client";

window.socketArrived(io);
