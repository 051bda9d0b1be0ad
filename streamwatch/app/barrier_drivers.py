"""Settings of barriers and sensors to drivers; the one place that knows both."""

from typing import assert_never

from streamwatch.config.barrier_settings import (
    Auth,
    BarrierSettings,
    CameraBarrierSettings,
    CommandSettings,
    GpioBarrierSettings,
    GpioSensorSettings,
    HttpBarrierSettings,
    HttpSensorSettings,
    IsapiSettings,
    LogInSettings,
    ModbusBarrierSettings,
    ModbusSensorSettings,
    MqttBarrierSettings,
    MqttLine,
    MqttSensorSettings,
    SensorSettings,
    ShellySettings,
    TasmotaSettings,
    TimedBy,
)
from streamwatch.outward.barriers import http_barrier
from streamwatch.outward.barriers.barrier import Barrier, Sensor
from streamwatch.outward.barriers.camera_barrier import CameraRelays
from streamwatch.outward.barriers.command_barrier import CommandBarrier
from streamwatch.outward.barriers.exchange import LogIn, Request
from streamwatch.outward.barriers.gpio_barrier import GpioBarrier, GpioLine, GpioSensor
from streamwatch.outward.barriers.http_barrier import HttpBarrier, HttpSensor
from streamwatch.outward.barriers.modbus_barrier import ModbusBarrier, ModbusDevice, ModbusSensor
from streamwatch.outward.barriers.mqtt_barrier import Broker, MqttBarrier, MqttSensor
from streamwatch.outward.barriers.readout import Readout

MQTT_PORT, MQTTS_PORT = 1883, 8883


def make_barrier(settings: BarrierSettings, relays: CameraRelays) -> Barrier:
    """Return the driver that a barrier names."""
    match settings:
        case HttpBarrierSettings():
            return _http(settings)
        case ShellySettings():
            requests = http_barrier.shelly(settings.address, settings.generation, settings.channel, settings.pulse)
            return HttpBarrier(requests, _log_in(settings, digest=settings.generation > 1, user="admin"))
        case TasmotaSettings():
            who = _log_in(settings, user="admin")
            return HttpBarrier(
                http_barrier.tasmota(settings.address, settings.relay, settings.pulse, who), LogIn("", None)
            )
        case IsapiSettings():
            requests = http_barrier.isapi(settings.address, settings.output)
            return HttpBarrier(requests, _log_in(settings, digest=True))
        case ModbusBarrierSettings():
            device = ModbusDevice(settings.host, settings.port, settings.unit)
            flash = settings.flash_register if settings.timed_by is TimedBy.RELAY else None
            return ModbusBarrier(device, settings.coil, settings.pulse, flash)
        case MqttBarrierSettings():
            return MqttBarrier(
                _broker(settings),
                settings.topic,
                settings.qos,
                settings.payload,
                settings.hold_payload,
                settings.release_payload,
                settings.timed_by is TimedBy.RELAY,
            )
        case CommandSettings():
            words = settings.command, settings.hold_command, settings.release_command
            return CommandBarrier(*words, settings.pulse, settings.timed_by is TimedBy.RELAY)
        case GpioBarrierSettings():
            return GpioBarrier(GpioLine(settings.chip, settings.line, settings.active_low))
        case CameraBarrierSettings():
            return relays.of(settings.camera)
        case _:
            assert_never(settings)


def make_sensor(settings: SensorSettings) -> Sensor:
    """Return the sensor that a barrier names."""
    match settings:
        case HttpSensorSettings():
            log_in = _log_in(settings, digest=settings.auth is Auth.DIGEST)
            readout = Readout(settings.field, settings.open, settings.closed)
            return HttpSensor(Request(settings.url.get_secret_value()), log_in, readout)
        case ModbusSensorSettings():
            device = ModbusDevice(settings.host, settings.port, settings.unit)
            return ModbusSensor(device, settings.input, settings.high, settings.low)
        case MqttSensorSettings():
            readout = Readout(settings.field, settings.open, settings.closed)
            return MqttSensor(_broker(settings), settings.topic, readout, settings.every)
        case GpioSensorSettings():
            line = GpioLine(settings.chip, settings.line, settings.active_low)
            return GpioSensor(line, settings.high, settings.low)
        case _:
            assert_never(settings)


def _http(settings: HttpBarrierSettings) -> HttpBarrier:
    headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
    body = None if settings.body is None else settings.body.get_secret_value()
    hold, release = settings.hold_url, settings.release_url
    requests = http_barrier.any_request(
        Request(settings.url.get_secret_value(), settings.method, headers, body),
        None if hold is None else hold.get_secret_value(),
        None if release is None else release.get_secret_value(),
        settings.timed_by is TimedBy.RELAY,
    )
    return HttpBarrier(requests, _log_in(settings, digest=settings.auth is Auth.DIGEST))


def _log_in(settings: LogInSettings, digest: bool = False, user: str = "") -> LogIn:
    """Return who asks. user: whose password it is if none is named."""
    named = settings.user or (user if settings.password is not None else "")
    return LogIn(named, settings.password, digest)


def _broker(settings: MqttLine) -> Broker:
    port = settings.broker_port or (MQTTS_PORT if settings.tls else MQTT_PORT)
    return Broker(settings.host, port, settings.tls, settings.tls_ca, settings.user, settings.password)
