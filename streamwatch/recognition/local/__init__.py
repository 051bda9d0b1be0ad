"""The local engine: it reads plates on this machine and costs nothing but CPU.

reader.py            `LocalReader`: reads the plates that the detector finds
├── nearby.py        the part of a picture for a closer look
├── networks.py      opens the networks; weights.py drops weights that only cost time
├── quads.py         corners: cutting out; layout.py where a plate's characters stand
├── lines.py         reads one line in several views
├── decoding.py      the grammar over the network's probabilities; free.py where there is only a pattern
├── provinces.py     what blurred provinces and marks are taken for; readout.py tells blurred provinces apart
├── colour.py        the colour of a plate
└── confidence.py    how sure a plate is

presence.py          looks for lettering on a vehicle without a plate, before a call is paid
└── finder.py        finds text in a picture
"""

import os

# From 1.29 on onnxruntime reports to its maker from the moment it is imported, unless this is set before. A box at a
# gate contacts nothing but its camera and the service.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
