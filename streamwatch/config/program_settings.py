"""The settings of a parking program that is asked before a barrier opens."""

from pydantic import Field, ValidationInfo, field_validator

from streamwatch.config.fields import Seconds, SecretSection, SecretUrl, looks_up


class ProgramSettings(SecretSection):
    """An existing parking program, to which each vehicle is posted as a camera of Zhenshi does it (AlarmInfoPlate)."""

    url: SecretUrl = Field(
        description="The address to which the program has cameras post. ${NAME} is taken from the environment."
    )
    deadline: Seconds = Field(
        0.8,
        ge=0.1,
        le=2.0,
        description="The time in which the program must have answered. Without an answer the own decision holds.",
    )
    device: str = Field("", max_length=64, description="The name of the camera in the program. Default: the lane's.")
    serial: str = Field("", max_length=64, description="The serial number under which the program knows the camera.")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: SecretUrl, info: ValidationInfo) -> SecretUrl:
        if looks_up(info) and not value.get_secret_value().startswith(("http://", "https://")):
            raise ValueError("is not an address; write it like http://192.0.2.20:8080/plate")
        return value
