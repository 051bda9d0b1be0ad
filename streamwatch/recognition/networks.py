"""The networks that come inside the rapidocr package, opened straight from their files on onnxruntime.

rapidocr itself is never imported: its files are enough, and nothing can then be fetched, logged or configured.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from streamwatch.errors import EngineMissing

_INSTALL = "Run: pip install 'streamwatch[local]'"


def open_network(part: str, threads: int) -> Any:
    """An inference session of "det", which finds text, or "rec", which reads it. Raises EngineMissing.

    All who ask share one, which several threads may run at once: each holds some 30 MB.

    threads: CPU threads of one run. The memory that a run needs is given back after it: pictures differ in size, and
    onnxruntime's own arena would keep the largest of each.
    """
    return _session(_file(part), threads)


@cache
def _session(file: Path, threads: int) -> Any:
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError:
        raise EngineMissing("The local engine is not installed (onnxruntime is missing).", _INSTALL) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def network_name(part: str) -> str:
    """The file name of a network's model, which names its version and size. Raises EngineMissing."""
    return _file(part).name


def _file(part: str) -> Path:
    spec = find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise EngineMissing("The local engine is not installed (rapidocr is missing).", _INSTALL)
    files = sorted((Path(spec.origin).parent / "models").glob(f"*_{part}_*.onnx"))
    if not files:
        raise EngineMissing("The installed rapidocr comes without its models.", f"{_INSTALL} --upgrade")
    return files[-1]
