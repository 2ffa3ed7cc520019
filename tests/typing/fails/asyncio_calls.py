"""What is different in asyncio: calls are awaited, and have no callbacks."""

from target_delivery import AsyncTargetClient, DeliveryRequest, TargetClient, TargetDeliveryResponse

client = AsyncTargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
sync_client = TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
request = DeliveryRequest()


def show(response: TargetDeliveryResponse) -> None: ...


def failed(error: BaseException) -> None: ...


async def callbacks() -> None:
    # error: mypy[typeddict-item] pyright[reportArgumentType]: item "callback" has type "None"
    await client.get_offers({"request": request, "callback": show})
    # error: mypy[typeddict-item] pyright[reportArgumentType]: item "err_callback" has type "None"
    await client.get_offers({"request": request, "err_callback": failed})
    # error: mypy[typeddict-item] pyright[reportArgumentType]: item "callback" has type "None"
    await client.send_notifications({"request": request, "callback": show})
    # error: mypy[arg-type] pyright[reportArgumentType]
    await client.get_attributes(["flags"], {"err_callback": failed})


async def options() -> None:
    """Where there are no overloads, the mistake itself is named in a call, too."""
    # error: mypy[typeddict-unknown-key] pyright[reportArgumentType]: "target_cokie"
    await client.get_offers({"request": request, "target_cokie": "abc"})
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "request" is required
    await client.get_offers({"target_cookie": "abc"})
    # error: mypy[typeddict-item] pyright[reportArgumentType]: Literal['ondevice']
    await client.get_offers({"request": request, "decisioning_method": "ondevice"})
    # error: mypy[typeddict-unknown-key] pyright[reportArgumentType]: "decisioning_method"
    await client.send_notifications({"request": request, "decisioning_method": "server-side"})
    await client.get_attributes(["flags"], {"target_cokie": "abc"})  # error: mypy[arg-type] pyright[reportArgumentType]


async def awaited() -> None:
    client.get_offers({"request": request})  # error: mypy[unused-coroutine] pyright[reportUnusedCoroutine]
    response = client.get_offers({"request": request})
    print(response.response)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    print(response["response"])  # error: mypy[index] pyright[reportIndexIssue]
    # error: mypy[assignment] pyright[reportAssignmentType]
    answer: TargetDeliveryResponse = client.send_notifications({"request": request})
    # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    print(client.get_attributes(["flags"]).as_object(), answer)
    client.close()  # error: mypy[unused-coroutine] pyright[reportUnusedCoroutine]
    await sync_client.get_offers({"request": request})  # error: mypy[misc] pyright[reportGeneralTypeIssues]


async def context_managers() -> None:
    with client:  # error: mypy[attr-defined] pyright[reportGeneralTypeIssues]
        pass
    async with sync_client:  # error: mypy[attr-defined] pyright[reportGeneralTypeIssues]
        pass
    # error: mypy[attr-defined] pyright[reportGeneralTypeIssues]
    with AsyncTargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"}) as other:
        print(other)
