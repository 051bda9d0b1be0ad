"""Write the averaged weights as ONNX, and check that OpenCV computes what PyTorch does.

python -m platedetector.export IN.pt plates.onnx
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch

from platedetector.net import PlateNet

_OPSET = 11
_MOST_BYTES, _MOST_PARAMETERS = 2_000_000, 500_000


def main(weights: Path, out: Path) -> None:
    net = PlateNet()
    net.load_state_dict(torch.load(weights, weights_only=True)["mean"])
    net.eval()
    assert sum(p.numel() for p in net.parameters()) <= _MOST_PARAMETERS
    names = {"input_names": ["picture"], "output_names": ["plates"]}
    sizes = {"picture": {2: "height", 3: "width"}, "plates": {2: "rows", 3: "columns"}}
    torch.onnx.export(
        net, (torch.zeros(1, 1, 384, 640),), str(out), opset_version=_OPSET, dynamic_axes=sizes, dynamo=False, **names
    )
    model = onnx.load(str(out))
    model.producer_version = ""
    onnx.checker.check_model(model)
    onnx.save(model, str(out))
    assert out.stat().st_size <= _MOST_BYTES
    opencv = cv2.dnn.readNetFromONNX(str(out))
    for rows, columns in ((384, 640), (640, 640), (192, 320)):
        picture = np.random.default_rng(0).random((1, 1, rows, columns), np.float32)
        opencv.setInput(picture)
        with torch.no_grad():
            wanted = net(torch.from_numpy(picture)).numpy()
        assert np.abs(opencv.forward() - wanted).max() < 1e-3
    print(f"{out}: {out.stat().st_size} bytes, opset {_OPSET}, ops {sorted({n.op_type for n in model.graph.node})}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
