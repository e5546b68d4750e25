"""Carries most browsers: Socket.IO 5 over Engine.IO 4 over WebSocket, in one asyncio protocol for each browser.

A browser that speaks Socket.IO by WebSocket goes through these files, from the bottom to the top:

- `handshake.py` reads the HTTP request that opens a WebSocket, and answers it.
- `websocket.py` turns bytes into text messages and back, and lets output wait for a slow browser.
- `session.py` speaks Engine.IO and Socket.IO in these messages.
- `heartbeat.py` pings all browsers with one timer.
- `driver.py` decides whom the engine takes, and holds what its sessions share.
- `self_test.py` connects once before the gateway starts; where that fails, the gateway does without the engine.

The engine takes only what it knows well. Every other request, and all long-polling, goes through uvicorn to
python-engineio, which serves or refuses it; a browser that begins with long-polling and then opens a WebSocket is taken
over. With `GATEWAY_DRIVER=stock` there is no engine, and everything goes that way.

Why it is fast: no task, no queue and no timer for each browser, no request object that outlives the handshake, and a
version's frames, encoded once, are written straight into the TCP transport.
"""
