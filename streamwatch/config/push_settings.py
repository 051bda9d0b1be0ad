"""The settings of cameras that watch and read by themselves, and post what they have seen."""

import re
from enum import StrEnum
from ipaddress import ip_network

from pydantic import Field, ValidationInfo, field_validator, model_validator

from streamwatch.config.fields import File, Secret, SecretSection, Section, address, looks_up

SHORTEST_SECRET = 12
"""Characters of a secret; with fewer it could be guessed."""


class PushSettings(Section):
    """The address where cameras post what they have seen. It is served if a camera has `source: push`."""

    host: str = Field(
        "0.0.0.0",
        description="The address of this machine where cameras post what they have seen.",
    )
    port: int = Field(8471, ge=1, le=65535, description="The port where cameras post what they have seen.")
    tls_certificate: File | None = Field(
        None,
        description="A PEM file with the certificate, and the intermediate ones after it. With it, cameras must post "
        "by https.",
    )
    tls_key: File | None = Field(
        None, description="A PEM file with the private key, unless the file of the certificate has it."
    )

    @field_validator("host")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return address(value)


class PushKind(StrEnum):
    """The format in which a camera posts. ZHENSHI: also Vzenith, Qianyi and alike."""

    ZHENSHI = "zhenshi"
    HIKVISION = "hikvision"


class PushCameraSettings(SecretSection):
    """What a camera with `source: push` posts, and who may post as this camera."""

    kind: PushKind = Field(
        PushKind.ZHENSHI,
        description="The format in which the camera posts; zhenshi is also that of Vzenith, Qianyi and alike.",
    )
    secret: Secret | None = Field(
        None,
        description="The end of the address to which the camera posts, of at least 12 letters and digits, so that no "
        "other machine can post as this camera. ${NAME} is taken from the environment.",
    )
    secret_file: File | None = Field(None, description="A file that holds the secret and nothing else.")
    addresses: list[str] = Field(
        [],
        description="The address of the camera, such as 192.0.2.17, or several. Posts from others are refused. It "
        "needs this or a secret, or better both.",
    )
    serial: str = Field(
        "", max_length=64, description="The serial number of the camera. Posts with another one are refused."
    )
    opens: bool = Field(
        False,
        description="True: a plate that this camera has sent may open a barrier. Otherwise a person is asked.",
    )
    min_confidence: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The confidence from which the camera's own reading makes a sighting by itself. Without it another "
        "engine must read the same.",
    )

    @field_validator("addresses", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("addresses")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        try:
            return [str(ip_network(network, strict=False)) for network in value]
        except ValueError:
            raise ValueError("holds addresses of the camera, like 192.0.2.17 or 192.0.2.0/24") from None

    @model_validator(mode="after")
    def _knows_its_camera(self, info: ValidationInfo) -> "PushCameraSettings":
        if self.secret is None and self.secret_file is None and not self.addresses:
            raise ValueError(
                "would take posts from everybody; write the camera's address under addresses, a secret, or both"
            )
        secret = self.secret.get_secret_value() if self.secret is not None and looks_up(info) else None
        # It stands in an address, and must not be one that can be guessed.
        if secret is not None and not re.fullmatch(rf"[A-Za-z0-9_-]{{{SHORTEST_SECRET},128}}", secret):
            raise ValueError(f"needs a secret of {SHORTEST_SECRET} to 128 letters and digits (also - and _)")
        return self
