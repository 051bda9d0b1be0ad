"""The local engine: it reads plates on this machine and costs nothing but CPU.

reader.py            `LocalReader`: reads the plates that the detector finds
├── nearby.py        the part of a picture for a closer look
├── networks.py      opens the networks; weights.py removes weights that only cost time
├── quads.py         corners: cutting out; layout.py: the places of a plate's characters
├── lines.py         reads one line in several views
├── marks.py         the network's alphabet as characters of plates
├── decoding.py      the grammar over the network's probabilities; ctc.py: the paths through it
├── pattern_decoder.py   plates for which there is only a pattern
├── provinces.py     what blurred provinces and marks are taken for
├── province_classifier.py   tells blurred provinces apart
├── colour.py        the colour of a plate
└── confidence.py    how sure a plate is

presence.py          looks for lettering on a vehicle without a plate, before a call is paid
└── text_detector.py finds text in a picture
"""

import os

# From 1.29 on onnxruntime reports to its maker from the moment it is imported, unless this is set before. A box at a
# gate contacts nothing but its camera and the service.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
