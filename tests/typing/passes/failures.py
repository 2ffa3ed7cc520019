"""What a call can raise, and what its errors know."""

from typing import assert_type

from target_delivery import (
    AttributeNotFoundError,
    ClientClosedError,
    DeliveryConnectionError,
    DeliveryError,
    DeliveryRequest,
    DeliveryStatusError,
    DeliveryTimeoutError,
    InvalidAnswerError,
    OptionError,
    TargetClient,
    TargetDeliveryResponse,
    TargetError,
)

client = TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})


def get_offers(request: DeliveryRequest) -> TargetDeliveryResponse | None:
    try:
        return client.get_offers({"request": request})
    except DeliveryStatusError as error:
        assert_type(error.status, int)
        assert_type(error.edge_message, str | None)
        if error.status == 400:
            raise
    except DeliveryTimeoutError as error:
        assert_type(error.timeout, int)
    except InvalidAnswerError as error:
        assert_type(error.status, int)
        assert_type(error.excerpt, str)
    except (DeliveryConnectionError, DeliveryError) as error:
        assert_type(error.request_id, str)
        assert_type(error.attempts, int)
    except (OptionError, ClientClosedError) as error:
        assert_type(error, OptionError | ClientClosedError)
        raise RuntimeError("a mistake of this program") from error
    except TargetError:
        raise
    return None


def kind(error: OptionError | ClientClosedError | AttributeNotFoundError | DeliveryError) -> str:
    if isinstance(error, OptionError):
        return "wrong call"
    if isinstance(error, ClientClosedError):
        return "closed"
    if isinstance(error, AttributeNotFoundError):
        return "no such attribute"
    assert_type(error, DeliveryError)
    return "failed"


def are_builtin_errors_too(error: DeliveryTimeoutError, wrong: OptionError, absent: AttributeNotFoundError) -> None:
    timeout: TimeoutError = error
    value: ValueError = wrong
    key: KeyError = absent
    print(timeout, value, key)
