"""Notices that the connection of a waiting poll is lost."""

import asyncio
from collections.abc import Awaitable, Callable

from socket_gateway.asgi_http import Message, Receive, Send


async def answer_unless_lost(
    answer: Callable[[Send], Awaitable[None]], receive: Receive, send: Send, lost: Callable[[], None]
) -> None:
    """Has a poll answered. Calls `lost` where its connection ends before the response begins.

    `receive` belongs to a request that has arrived whole.
    """

    async def watch() -> None:
        await receive()  # nothing but the end of the connection can come
        lost()

    watching = asyncio.ensure_future(watch())

    async def send_if_there(message: Message) -> None:
        watching.cancel()
        await send(message)

    try:
        await answer(send_if_there)
    finally:
        watching.cancel()
