"""Carries most browsers: Socket.IO 5 over Engine.IO 4 over WebSocket, in one asyncio protocol for each browser.

A browser that speaks Socket.IO by WebSocket goes through these files, from the bottom to the top:

- `handshake.py` reads the HTTP request that opens a WebSocket, and writes the answer.
- `websocket.py` turns bytes into text messages and back (`socket_gateway/frames.py`), and lets output wait for a slow
  browser.
- `session.py` speaks Engine.IO and Socket.IO in these messages. `socket_gateway/inbox.py` checks the packets, and
  `sockets.py` acts on them.
- `upgrade.py` takes a browser over that has begun with long-polling.
- `heartbeat.py` pings all browsers with one timer.
- `context.py` holds what all sessions share, and ends them.
- `driver.py` decides whom the engine takes.
- `self_test.py` connects once before the gateway starts; where that fails, the gateway does without the engine.

The engine takes only what it knows well. `socket_gateway/entrance.py` offers it each new connection; every request that
it does not take, and all long-polling, goes through uvicorn to python-engineio, which serves or refuses it. With
`GATEWAY_DRIVER=stock` there is no engine, and everything goes that way.

How a session ends: whoever learns of it calls `Context.ended(session, reason)`, and the session writes its close frame.

| who learns of it | through |
|---|---|
| the browser closes: Engine.IO's packet or a close frame; or breaks RFC 6455 | `received`, `left` |
| the gateway closes: a bound, a deadline, a drain | `Connections.close`, `EngineSession.close` |
| no answer to a ping | `Heartbeat`, `give_up` |
| the TCP connection is closed, which comes last in each case | `connection_lost`, `lost`; then `Context.released` |

Why it is fast: no task that reads or writes for a browser, no queue while it keeps up, one timer for all pings, no
request object that outlives the handshake; and a version's frames, encoded once, go straight into the TCP transport.
"""
