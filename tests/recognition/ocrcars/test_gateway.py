"""The gateway's refusals: each row of the three tables, and codes that no table lists."""

import pytest

from streamwatch.core import errors
from streamwatch.recognition.ocrcars import gateway, retry
from streamwatch.recognition.ocrcars.gateway import by_gateway, by_status
from streamwatch.recognition.ocrcars.retry import Failure, Retry

CODES = {
    errors.BadRequest: "I400HD I400MH I400BD I400PA I400RU I400CT I400SG I405UM I403PT I413UL I400I5 I400NC I400MP "
    "I400IP I400JP",
    errors.PictureTooLarge: "I413RL",
    errors.ServiceDown: "I404DO I410GG I404NF I404NR I404SR A403FC B451DO B451GO D502FC X500ED X500AM X400PM X403DG "
    "I508LD",
    errors.CredentialsRefused: "A400AC A401AC A400MA A400IK A403IS",
    errors.ClockWrong: "S403TE",
    errors.NotAuthorised: "I403AA A403EP A403PR A403IP A403VN A403IN A403AC A403CO",
    errors.QuotaExhausted: "B403MQ B403ME B403MI",
    errors.InArrears: "B403MO B403OD",
    errors.Throttled: "T429ID T429IN T429GR T429PA T429PR T429SR T429MR",
    errors.Transient: "S403NU D503CB D503BB X503BZ D504CO D504RE D504IL D504CS D504TO X504VE X504TO N502RE X500ER",
}

MESSAGES = [
    (403, "Throttled by USER Flow Control", errors.Throttled),
    (403, "Throttled by USER Throttling", errors.Throttled),
    (403, "Throttled by APP Flow Control", errors.Throttled),
    (403, "Throttled by API Flow Control", errors.Throttled),
    (403, "Throttled by DOMAIN Flow Control", errors.Throttled),
    (403, "Throttled by GROUP Flow Control", errors.Throttled),
    (403, "Quota Exhausted", errors.QuotaExhausted),
    (403, "Quota Expired", errors.QuotaExhausted),
    (403, "Api Market Subscription quota exhausted", errors.QuotaExhausted),
    (403, "User Arrears", errors.InArrears),
    (403, "Expiry of Authorization", errors.NotAuthorised),
    (403, "Unauthorized", errors.NotAuthorised),
    (400, "Empty Request Body", errors.BadRequest),
    (400, "Invalid Request Body", errors.BadRequest),
    (400, "Invalid Param Location", errors.BadRequest),
    (400, "Unsupported Multipart", errors.BadRequest),
    (400, "Invalid Url", errors.BadRequest),
    (400, "Invalid Domain", errors.ServiceDown),
    (400, "Invalid HttpMethod", errors.BadRequest),
    (400, "Invalid AppKey", errors.CredentialsRefused),
    (400, "Invalid AppSecret", errors.CredentialsRefused),
    (400, "Invalid AppCode `not exists`", errors.CredentialsRefused),
    (400, "Timestamp Expired", errors.ClockWrong),
    (400, "Invalid Timestamp", errors.BadRequest),
    (404, "Empty Signature", errors.CredentialsRefused),
    (400, "Invalid Signature, Server StringToSign:POST…", errors.CredentialsRefused),
    (400, "Invalid Content-MD5", errors.BadRequest),
    (400, "Nonce Used", errors.Transient),
    (400, "API Not Found", errors.ServiceDown),
    (400, "API unsupport the channel:HTTP", errors.BadRequest),
    (400, "API unsupport the channel:HTTPS", errors.BadRequest),
    (500, "Internal Error", errors.Transient),
    (500, "Failed To Invoke Backend Service", errors.Transient),
    (500, "Failed To Call Backend Service", errors.Transient),
    (503, "Service Unavailable", errors.Transient),
    (504, "Async Service", errors.Transient),
]


def told(failure: Failure | None) -> Failure:
    assert failure is not None
    return failure


def test_every_code_has_its_class() -> None:
    expected = {code: error for error, codes in CODES.items() for code in codes.split()}
    assert {code: row.error for code, row in gateway.CODES.items()} == expected
    for code, error in expected.items():
        # The three digits inside a code are its HTTP status.
        assert type(told(by_gateway(int(code[1:4]), code, "")).error) is error


@pytest.mark.parametrize(("status", "message", "error"), MESSAGES)
def test_every_old_message_has_its_class(status: int, message: str, error: type[errors.RecognitionError]) -> None:
    assert type(told(by_gateway(status, "", message)).error) is error
    assert type(told(by_gateway(status, "", f"  {message.upper()} and more ".strip())).error) is error


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, errors.ServiceDown),
        (302, errors.ServiceDown),
        (307, errors.ServiceDown),
        (400, errors.BadRequest),
        (401, errors.CredentialsRefused),
        (403, errors.NotAuthorised),
        (404, errors.ServiceDown),
        (408, errors.Transient),
        (413, errors.PictureTooLarge),
        (418, errors.BadRequest),
        (421, errors.PictureTooLarge),
        (429, errors.Throttled),
        (450, errors.Transient),
        (451, errors.ServiceDown),
        (460, errors.PictureBroken),
        (461, errors.PictureBroken),
        (462, errors.PictureBroken),
        (500, errors.Transient),
        (502, errors.Transient),
        (599, errors.Transient),
        (204, errors.Transient),
        (999, errors.Transient),
    ],
)
def test_a_bare_status_is_judged_by_itself(status: int, error: type[errors.RecognitionError]) -> None:
    assert by_gateway(status, "", "") is None
    assert type(by_status(status).error) is error


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (403, "A403ZZ", errors.CredentialsRefused),
        (400, "I400ZZ", errors.BadRequest),
        (403, "S403ZZ", errors.BadRequest),
        (403, "B403ZZ", errors.QuotaExhausted),
        (429, "T429ZZ", errors.Throttled),
        (429, "X429ZZ", errors.Throttled),
        (503, "D503ZZ", errors.Transient),
        (500, "X500ZZ", errors.Transient),
        (502, "N502ZZ", errors.Transient),
        (404, "X404ZZ", errors.ServiceDown),
        (418, "?", errors.BadRequest),
    ],
)
def test_an_unlisted_code_is_judged_by_its_letter(status: int, code: str, error: type[errors.RecognitionError]) -> None:
    failure = told(by_gateway(status, code, "some words"))
    assert type(failure.error) is error
    assert "some words" in failure.error.message


def test_the_code_goes_before_the_message_and_the_message_before_the_letter() -> None:
    assert type(told(by_gateway(403, "B403MQ", "Nonce Used")).error) is errors.QuotaExhausted
    assert type(told(by_gateway(403, "Z403ZZ", "User Arrears")).error) is errors.InArrears
    assert type(told(by_gateway(403, "b403mq", "")).error) is errors.QuotaExhausted


def test_the_longest_fitting_message_wins() -> None:
    assert "of this user" in told(by_gateway(403, "", "Throttled by USER Flow Control")).error.message
    assert "too many calls (" in told(by_gateway(403, "", "Throttled by something new")).error.message


def test_an_unlisted_message_alone_decides_nothing() -> None:
    assert by_gateway(404, "", "Invalid Path") is None
    assert "Invalid Path" in by_status(404, "Invalid Path").error.message


def test_a_message_beside_status_200_decides_nothing() -> None:
    assert by_gateway(200, "", "Service Unavailable") is None


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("S403NU", retry.AT_ONCE),
        ("S403TE", retry.AFTER_CLOCK),
        ("I413RL", retry.AS_SMALLER),
        ("I400BD", retry.ONCE),
        ("I400I5", retry.ONCE),
        ("D503CB", retry.NEVER),
        ("D504RE", retry.NEVER),
        ("X503BZ", retry.QUICKLY),
        ("D504TO", retry.SLOWLY),
        ("T429PA", retry.QUICKLY),
        ("A403IS", retry.NEVER),
        ("I400HD", retry.NEVER),
    ],
)
def test_rows_say_what_may_be_tried_again(code: str, expected: Retry) -> None:
    assert told(by_gateway(int(code[1:4]), code, "")).retry == expected


def test_what_stays_until_a_person_acts_is_tried_again_only_where_the_upload_may_have_been_cut() -> None:
    repeatable = {
        code
        for code, row in gateway.CODES.items()
        if issubclass(row.error, errors.Refused) and row.failure(code).retry is not retry.NEVER
    }
    assert repeatable == {"I400BD", "I400I5"}


def test_every_row_says_what_is_the_matter_and_what_to_do() -> None:
    rows = [*gateway.CODES.values(), *gateway.MESSAGES.values(), *gateway.STATUSES.values()]
    for row in rows:
        error = row.failure("HTTP 400").error
        assert error.message.startswith("ocrCars: ")
        assert error.message.count(". ") == 0
        assert error.message.endswith(" (HTTP 400).")
        assert error.what_to_do.endswith(".")


def test_every_class_of_error_has_its_retry() -> None:
    def leaves(kind: type[errors.RecognitionError]) -> set[type[errors.RecognitionError]]:
        below = kind.__subclasses__()
        return set().union(*map(leaves, below)) if below else {kind}

    assert set(retry.BY_CLASS) == leaves(errors.RecognitionError) - {errors.EngineMissing}
    assert retry.BY_CLASS[errors.Doubtful] is retry.NEVER


def test_the_budget_holds_each_reason_and_all_together() -> None:
    budget = retry.RetryBudget()
    assert budget.allows(retry.ONCE)
    assert 1.5 <= budget.spend(retry.ONCE) <= 2.5
    assert not budget.allows(retry.ONCE)
    assert budget.allows(retry.QUICKLY)
    assert 0.75 <= budget.spend(retry.QUICKLY) <= 1.25
    assert not budget.allows(retry.QUICKLY), "two retries in all"


def test_pauses_double() -> None:
    budget = retry.RetryBudget()
    first, second = budget.spend(retry.QUICKLY), budget.spend(retry.QUICKLY)
    assert 0.75 <= first <= 1.25
    assert 1.5 <= second <= 2.5
    assert retry.RetryBudget().spend(retry.AT_ONCE) == 0
