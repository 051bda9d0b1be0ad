"""JPEG in, plates out: `ocrcars.OcrCars` is the client of the paid service, `local.LocalReader` reads by itself.

ocrcars.py           the client: one ledger row per attempt, retries, the clock
├── credentials.py   AppCode, or AppKey and AppSecret
├── signature.py     the gateway's signature
├── wire.py          httpx: one exchange, and what its failures mean for the money
├── replies.py       the reply's envelope, read in the protocol's decision order
├── gateway.py       the gateway's codes, old messages and bare statuses as tables
├── retry.py         which failure may be tried again, how often and when
├── shrink.py        the same picture again, smaller or as plain baseline JPEG
└── picture_url.py   which addresses the service can fetch

local.py             the local engine: what the plates that the detector finds say
├── nearby.py        the part of a picture for a closer look; networks.py opens detector and text networks
├── quads.py         corners: cutting out; layout.py where a plate's characters stand
├── lines.py         reading one line in several views
├── decoding.py      the grammar over the network's probabilities; free.py where there is only a pattern
├── provinces.py     what blurred provinces and marks are taken for
└── confidence.py    how sure a plate is

presence.py          lettering on a vehicle without a plate, before paying; finder.py where there is text
"""

import os

# From 1.29 on onnxruntime reports to its maker from the moment it is imported, unless this is set before. A box at a
# gate calls nobody but its camera and the service.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
