"""The network of diffusers that ours is compared with; it needs '.[bench]'."""

from typing import Any


def diffusers_unet(**settings: Any) -> Any:
    """diffusers' UNet2DModel with 64, 128 and 128 channels, two layers a level, and attention in the lowest one."""
    from diffusers import UNet2DModel

    return UNet2DModel(
        layers_per_block=2,
        block_out_channels=(64, 128, 128),
        down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        **settings,
    )
