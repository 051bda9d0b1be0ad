"""Hardware decoders. No machine that runs the tests has one, so only the fallback to software is tested."""

import logging
from functools import cache
from typing import cast

import av
from av.codec.codec import UnknownCodecError
from av.codec.hwaccel import HWAccel
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

log = logging.getLogger(__name__)

SOFTWARE = {"auto", "software"}


def context_for(own: VideoCodecContext, how: str) -> VideoCodecContext:
    """Return a stream's context, or one like it that decodes in hardware.

    how: a kind of device (vaapi, cuda, …) or of named decoder (v4l2m2m for h264_v4l2m2m and so on). If it does not
    open, the log says so once, and software decodes.
    """
    if how in SOFTWARE or not _opens(own.name, how):
        return own
    context = _made(own.name, how)
    context.extradata = own.extradata
    return context


@cache
def _opens(codec: str, how: str) -> bool:
    try:
        _made(codec, how).open()
    except (FFmpegError, UnknownCodecError):
        log.warning("The decoder %s cannot be used for %s here, so software decodes.", how, codec)
        return False
    return True


def _made(codec: str, how: str) -> VideoCodecContext:
    """Return a hardware decoder. Raise FFmpegError or UnknownCodecError if there is none."""
    try:
        accelerated = av.CodecContext.create(codec, "r", hwaccel=HWAccel(how))
        if accelerated.is_hwaccel:
            return cast(VideoCodecContext, accelerated)
    except FFmpegError:
        log.debug("no device %s", how)
    return cast(VideoCodecContext, av.CodecContext.create(f"{codec}_{how}", "r"))
