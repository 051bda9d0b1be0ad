"""Train the network for a number of steps and keep its averaged weights.

python -m platedetector.train SHARDS OUT.pt --shards 0 12 --steps 4000 [--start FROM.pt] [--fade 1000]
"""

import argparse
import copy
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from platedetector.net import OFFSET_SCALE, PlateNet
from platedetector.samples import Samples

BATCH = 32
RATE = 2e-3
SEED = 5
_WARM = 200
_MEMORY = 0.998


def losses(out: Tensor, heat: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the focal loss of the heat map (as in CornerNet) and L1 of the corners in plate heights, per plate."""
    wanted, weight = heat[:, 0], heat[:, 1]
    logit = out[:, 0]
    p = logit.sigmoid().clamp(1e-5, 1 - 1e-5)
    hit = wanted >= 0.999
    good = -torch.log(p) * (1 - p) ** 2 * hit
    bad = -torch.log(1 - p) * p**2 * (1 - wanted) ** 4 * ~hit
    plates = hit.sum().clamp(min=1)
    off = (out[:, 1:] * OFFSET_SCALE - offsets[:, :8]).abs().mean(1) * offsets[:, 8]
    return ((good + bad) * weight).sum() / plates, off.sum() / (offsets[:, 8] > 0).sum().clamp(min=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shards", type=int, nargs=2, default=(0, 20))
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--start", type=Path, default=None)
    parser.add_argument("--fade", type=int, default=0, help="so many last steps the rate falls to nothing")
    parser.add_argument(
        "--stop", type=int, default=None, help="end after so many of the steps, before the rate is nothing"
    )
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save", type=int, default=250, help="steps between two checkpoints")
    parser.add_argument("--bf16", action="store_true")
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    torch.set_num_threads(given.threads)
    net = PlateNet().to(memory_format=torch.channels_last)
    mean = copy.deepcopy(net)
    optimiser = torch.optim.AdamW(net.parameters(), lr=given.rate, weight_decay=0.01)
    done = 0
    if given.start:
        kept = torch.load(given.start, weights_only=True)
        net.load_state_dict(kept["net"])
        mean.load_state_dict(kept["mean"])
        optimiser.load_state_dict(kept["optimiser"])
        done = kept["steps"]
    data = Samples(given.folder, range(*given.shards), given.steps * BATCH, given.seed + done)
    loader = DataLoader(data, BATCH, num_workers=given.workers, prefetch_factor=6)
    net.train()
    last = given.stop or given.steps
    began, cpu, sums = time.monotonic(), time.process_time(), torch.zeros(2)
    for step, (pictures, heat, offsets) in enumerate(loader, 1):
        rate = given.rate * min(1.0, (done + step) / _WARM, (given.steps - step + 1) / max(1, given.fade))
        for group in optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16, enabled=given.bf16):
            out = net(pictures.to(memory_format=torch.channels_last))
        centre, corner = losses(out.float(), heat, offsets)
        optimiser.zero_grad(set_to_none=True)
        (centre + 2 * corner).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10)
        optimiser.step()
        with torch.no_grad():
            memory = min(_MEMORY, (done + step) / (done + step + 10))
            for a, b in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
                if a.dtype.is_floating_point:
                    a.lerp_(b, 1 - memory)
                else:
                    a.copy_(b)
        sums += torch.tensor([centre.item(), corner.item()])
        if step % 50 == 0:
            centre_mean, corner_mean = (sums / 50).tolist()
            took = f"{time.monotonic() - began:.0f} s, cpu {time.process_time() - cpu:.0f} s"
            print(f"{done + step} centre {centre_mean:.3f} corner {corner_mean:.4f} {took}", flush=True)
            sums.zero_()
        if step % given.save == 0 or step == last:
            torch.save(
                {
                    "net": net.state_dict(),
                    "mean": mean.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "steps": done + step,
                },
                given.out.with_suffix(".tmp"),
            )
            given.out.with_suffix(".tmp").replace(given.out)
        if step == last:
            break


if __name__ == "__main__":
    main()
