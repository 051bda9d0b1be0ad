"""The network: plain convolutions at coarse strides, a heat map of plate centres and eight corner offsets."""

import torch
from torch import Tensor, nn

STRIDE = 8
"""Pixels of the picture per cell of the heat map."""
OFFSET_SCALE = 8.0
"""Factor from an output of the network to the offset of a corner, in pixels from the centre of its cell."""


def _conv(inside: int, out: int, size: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inside, out, size, 1, size // 2, bias=False), nn.BatchNorm2d(out), nn.ReLU())


def _down(inside: int, out: int) -> nn.Sequential:
    """Return a layer that halves the size. OpenCV computes 2x2 at stride 2 in a third of the time of 3x3."""
    return nn.Sequential(nn.Conv2d(inside, out, 2, 2, bias=False), nn.BatchNorm2d(out), nn.ReLU())


class _Bottleneck(nn.Module):
    """A residual block: 1x1 to half the channels, 3x3, 1x1 back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.body = nn.Sequential(
            _conv(channels, half, 1),
            _conv(half, half),
            nn.Conv2d(half, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.last = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(x + self.body(x))


class _Up(nn.Module):
    """Doubles the size: nearest neighbour after a 1x1 convolution, added to the finer map."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.narrow = nn.Sequential(nn.Conv2d(coarse, fine, 1, bias=False), nn.BatchNorm2d(fine))
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.last = nn.ReLU()

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        return self.last(fine + self.up(self.narrow(coarse)))


class PlateNet(nn.Module):
    """Maps (n, 1, height, width) luma, 0 to 1, sides multiples of 32, to (n, 9, height / 8, width / 8).

    Channel 0 is the logit of a plate's centre; 1 to 8 are x and y of the four corners, clockwise from top left.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (24, 64, 96, 128)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.stride4 = nn.Sequential(
            nn.Sequential(nn.Conv2d(1, a, 6, 4, 1, bias=False), nn.BatchNorm2d(a), nn.ReLU()), _Bottleneck(a)
        )
        self.stride8 = nn.Sequential(_down(a, b), _Bottleneck(b), _Bottleneck(b))
        self.stride16 = nn.Sequential(_down(b, c), _Bottleneck(c), _Bottleneck(c), _Bottleneck(c), _Bottleneck(c))
        self.stride32 = nn.Sequential(_down(c, d), _Bottleneck(d), _Bottleneck(d))
        self.up16 = nn.ModuleList([_Up(d, c), _Bottleneck(c)])
        self.up8 = nn.ModuleList([_Up(c, b), _Bottleneck(b), _Bottleneck(b)])
        self.heat = nn.Sequential(_conv(b, 32, 1), nn.Conv2d(32, 1, 1))
        self.corners = nn.Sequential(_conv(b, 64, 1), nn.Conv2d(64, 8, 1))
        last = self.heat[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        nn.init.constant_(last.bias, -4.0)

    def forward(self, picture: Tensor) -> Tensor:
        s4 = self.stride4(picture)
        s8 = self.stride8(s4)
        s16 = self.stride16(s8)
        s32 = self.stride32(s16)
        x = self.up16[1](self.up16[0](s32, s16))
        x = self.up8[2](self.up8[1](self.up8[0](x, s8)))
        return torch.cat([self.heat(x), self.corners(x)], dim=1)
