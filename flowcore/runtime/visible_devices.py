"""The devices that one session may use.

Owns: what a ConfigProto says about devices. Must never import ops or train.
"""

from __future__ import annotations

from flowcore.config import Settings
from flowcore.runtime import devices
from flowcore.runtime.opencl_devices import OPENCL, OPENCL_NAMES, may_have_gpu


class VisibleDevices:
    """The devices that one session may use: `device_count` and `gpu_options` of its ConfigProto.

    Raises ValueError for a malformed `visible_device_list`.
    """

    def __init__(self, settings: Settings) -> None:
        counts = {kind.upper(): count for kind, count in settings.device_count.items()}
        self._count = counts.get(OPENCL)
        words = [word.strip() for word in settings.visible_devices.split(",") if word.strip()]
        if not all(word.isdecimal() for word in words):
            raise ValueError(
                "gpu_options.visible_device_list must be device numbers separated by commas, found"
                f" {settings.visible_devices!r}"
            )
        self._order = [int(word) for word in words]
        self._preferred: devices.Device | None = None
        self._has_looked = False
        self._fraction = settings.memory_fraction
        if not 0 <= self._fraction <= 1:
            raise ValueError(
                f"gpu_options.per_process_gpu_memory_fraction must lie in 0 to 1, found {self._fraction}"
            )

    def find(self, device_type: str, index: int) -> devices.Device:
        """As `devices.find`, among these devices."""
        if device_type in OPENCL_NAMES:
            if self._count is not None and index >= self._count:
                raise RuntimeError(f"this session's ConfigProto allows device_count={{'GPU': {self._count}}}")
            if self._order:
                if index >= len(self._order):
                    raise RuntimeError(
                        f"this session's gpu_options.visible_device_list names {len(self._order)} devices"
                    )
                index = self._order[index]
        device = devices.find(device_type, index)
        if self._fraction > 0:
            device.limit_memory(self._fraction)
        return device

    @property
    def preferred(self) -> devices.Device | None:
        """Where nodes that ask for nothing may go: the first GPU or accelerator. None on a machine
        whose only OpenCL device is its own processor.

        Looked for once: planning asks for every node. (By no cached property: these share a lock, and
        a child forked while one of them opens a device would find it taken for ever.)
        """
        if not self._has_looked:
            self._preferred = self._first_gpu()
            self._has_looked = True
        return self._preferred

    def _first_gpu(self) -> devices.Device | None:
        if not may_have_gpu():
            return None
        try:
            device = self.find(OPENCL, 0)
        except RuntimeError:
            return None
        return device if device.preferred else None
