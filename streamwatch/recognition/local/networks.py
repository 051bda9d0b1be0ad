"""Opens the plate detector and the networks of the rapidocr package from their files, on onnxruntime.

rapidocr itself is never imported: its files are enough, and so nothing can be fetched, logged or configured by it.
"""

import logging
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from streamwatch.core.errors import INSTALL_LOCAL, EngineMissing
from streamwatch.detection import WEIGHTS, PlateDetector
from streamwatch.recognition.local.weights import without_subnormals

log = logging.getLogger(__name__)

_REPAIR = "Run: pip install --force-reinstall rapidocr."
_lock = Lock()
_open: WeakValueDictionary[tuple[Path, int], Any] = WeakValueDictionary()


def open_network(part: str, threads: int) -> Any:
    """Return an inference session of "det", which finds text, or "rec", which reads it. Raise EngineMissing.

    All users of a network share one session, which may run on several threads at once; it is freed with the last of
    them. threads: CPU threads of one run. The memory of a run is freed at its end: pictures differ in size, and
    onnxruntime's own arena would keep the largest block of each size.
    """
    return _shared(_file(part), threads)


def open_detector(threads: int) -> PlateDetector:
    """Return the plate detector on onnxruntime, which takes half of the time that OpenCV takes. Raise EngineMissing."""
    session = _shared(WEIGHTS, threads)
    name = session.get_inputs()[0].name
    return PlateDetector(lambda luma: np.asarray(session.run(None, {name: luma})[0], np.float32))


def _shared(file: Path, threads: int) -> Any:
    with _lock:
        session = _open.get((file, threads))
        if session is None:
            session = _open[file, threads] = _session(file, threads)
        return session


def _session(file: Path, threads: int) -> Any:
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError:
        raise EngineMissing("The local engine is not installed (onnxruntime is missing).", INSTALL_LOCAL) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    try:
        model = file.read_bytes()
        lighter = without_subnormals(model)
        # onnxruntime keeps the bytes that it is given, but not those of a file.
        source = str(file) if lighter is model else lighter
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the exceptions of onnxruntime have no common base class
        log.debug("%s: %s", file, error)
        raise EngineMissing(f"The local engine's file {file} is damaged.", _REPAIR) from None


def network_name(part: str) -> str:
    """Return the file name of a network's model, which holds its version and size. Raise EngineMissing."""
    return _file(part).name


def _file(part: str) -> Path:
    spec = find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise EngineMissing("The local engine is not installed (rapidocr is missing).", INSTALL_LOCAL)
    files = sorted((Path(spec.origin).parent / "models").glob(f"*_{part}_*.onnx"))
    if not files:
        raise EngineMissing("The installed rapidocr comes without its models.", _REPAIR)
    return files[-1]
