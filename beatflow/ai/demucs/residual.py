"""Hands what the estimates of the sources lack of the mix to the sources, smoothly, so that they sum to it.

Each source takes the share of the residual that it has of the estimates' energy in blocks of 23 ms, joined linearly;
a stereo pair shares as one, so that nothing moves in the picture. What remains for the exact sum, which works sample by
sample, is rounding. (Wisdom and others 2019, "Differentiable consistency constraints", weigh by energy as well, but
once for a whole signal.)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

HOP = 1024


class ResidualShare:
    """Works on a stream; what comes out lags at most two blocks behind."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self._held: tuple[Tensor, Tensor] | None = None
        self._before: Tensor | None = None

    def push(self, estimates: "Tensor", mix: "Tensor", last: bool = False) -> "Tensor":
        """Take the next stretch, give as much as is ready of the stretch to which all that was taken belongs.

        Parameters
        ----------
        estimates : Tensor, shape (groups, sources, channels, frames)
        mix : Tensor, shape (groups, channels, frames)
        last : bool
            Nothing comes after it: give all.

        Returns
        -------
        Tensor, shape (groups, sources, channels, ready)
        """
        torch = self._torch
        if self._held is not None:
            estimates = torch.cat([self._held[0], estimates], -1)
            mix = torch.cat([self._held[1], mix], -1)
        # After the first stretch all begins in the middle of a block, whose shares are known.
        begin = 0 if self._before is None else HOP // 2
        frames = estimates.shape[-1]
        blocks = -(-max(0, frames - begin) // HOP) if last else max(0, frames - begin) // HOP
        shares = self._measure(estimates[..., begin:], blocks)
        if self._before is not None:
            shares = torch.cat([self._before, shares], -1)
        if not shares.shape[-1]:
            self._held = estimates, mix
            return estimates[..., :0]
        curve = self._join(shares, frames if last else None)
        ready = curve.shape[-1]
        residual = mix[..., :ready] - estimates[..., :ready].sum(1)
        made: Tensor = estimates[..., :ready] + curve[:, :, None] * residual[:, None]
        self._held = estimates[..., ready:].clone(), mix[..., ready:].clone()
        self._before = shares[..., -1:]
        return made

    def _measure(self, estimates: "Tensor", blocks: int) -> "Tensor":
        """Each source's share of the energy, block by block; equal ones where all are silent."""
        torch = self._torch
        if not blocks:
            return estimates.new_zeros((*estimates.shape[:2], 0))
        missing = blocks * HOP - estimates.shape[-1]
        if missing > 0:
            estimates = torch.nn.functional.pad(estimates, (0, missing))
        groups, sources = estimates.shape[:2]
        energy = estimates[..., : blocks * HOP].reshape(groups, sources, -1, blocks, HOP).square().sum((2, 4))
        total = energy.sum(1, keepdim=True)
        share: Tensor = torch.where(total > 0, energy / total.clamp_min(1e-30), 1.0 / sources)
        return share

    def _join(self, shares: "Tensor", frames: int | None) -> "Tensor":
        """Shares between the middles of blocks, joined by lines; level before the first and after the last."""
        torch = self._torch
        ramp = (torch.arange(HOP, device=shares.device, dtype=torch.float32) + 0.5) / HOP
        lines = shares[..., :-1, None] * (1 - ramp) + shares[..., 1:, None] * ramp
        curve: Tensor = lines.flatten(-2)
        if self._before is None:
            curve = torch.cat([shares[..., :1].expand(*shares.shape[:-1], HOP // 2), curve], -1)
        if frames is not None:
            rest = max(0, frames - curve.shape[-1])
            curve = torch.cat([curve, shares[..., -1:].expand(*shares.shape[:-1], rest)], -1)[..., :frames]
        return curve
