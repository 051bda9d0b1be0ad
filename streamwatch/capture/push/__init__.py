"""What cameras post that watch and read by themselves: bytes from outside become a `PushedPlate`, or are refused.

pushed.py      what such a post says
zhenshi.py     cameras of Zhenshi (Vzenith), Qianyi and alike: JSON, and the answer to it
hikvision.py   ANPR cameras of Hikvision: XML and pictures (multipart.py, flat_xml.py)

Nothing here opens a picture or knows who may post; `app/push_server.py` and `app/push_camera.py` do.
"""

from streamwatch.capture.push.pushed import BadPush, PushedPlate

__all__ = ["BadPush", "PushedPlate"]
