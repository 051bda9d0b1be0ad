"""The client of the paid service ocrCars.

client.py            `OcrCars`: one ledger row per attempt, retries, the clock
├── credentials.py   AppCode, or AppKey and AppSecret
├── signature.py     the gateway's signature
├── wire.py          httpx: one exchange, and what its failures mean for the money
├── replies.py       the reply's envelope, read in the protocol's decision order
├── gateway.py       the gateway's codes, old messages and bare statuses as tables
├── retry.py         which failure may be tried again, how often and when
├── shrink.py        the same picture again, smaller or as plain baseline JPEG
├── picture_url.py   which addresses the service can fetch
└── reach.py         a request that the service does not charge, to see if it can be reached
"""
