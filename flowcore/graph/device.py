"""Device strings: "/job:worker/task:0/device:GPU:1", also "/gpu:1", "cpu:0" and "/gpu"."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flowcore.arguments import described, instance, text, whole_number

__all__ = ["DeviceSpec"]

_PART = re.compile(
    r"(?:(job):([A-Za-z0-9_\-]+|\*)|(replica|task):(\d+|\*)"
    r"|device:([A-Za-z][A-Za-z0-9_\-]*):(\d+|\*)"
    r"|((?i:cpu|gpu|opencl))(?::(\d+|\*))?)"
)


class DeviceSpec:
    """A possibly partial description of a device. Fields that are None are open.

    Args:
        job: The name of a job.
        replica: A number.
        task: A number.
        device_type: "CPU" or "GPU".
        device_index: A number.

    Raises:
        TypeError: a field is of another kind.
        ValueError: a number is negative.

    Example:
        >>> fc.DeviceSpec(device_type="GPU", device_index=0).to_string()
        '/device:GPU:0'
    """

    __slots__ = ("device_index", "device_type", "job", "replica", "task")

    def __init__(
        self,
        job: str | None = None,
        replica: int | None = None,
        task: int | None = None,
        device_type: str | None = None,
        device_index: int | None = None,
    ) -> None:
        self.job = None if job is None else text(job, "job")
        self.replica = None if replica is None else whole_number(replica, "replica", 0)
        self.task = None if task is None else whole_number(task, "task", 0)
        self.device_type = None if device_type is None else text(device_type, "device_type").upper()
        self.device_index = None if device_index is None else whole_number(device_index, "device_index", 0)

    @staticmethod
    def from_string(spec: str) -> DeviceSpec:
        """The description in a device string.

        Args:
            spec: For example "/job:worker/device:GPU:0", "/gpu:0" or "cpu".

        Returns:
            A DeviceSpec.

        Raises:
            TypeError: spec is no str.
            ValueError: spec is malformed.

        Example:
            >>> fc.DeviceSpec.from_string("/gpu:1").device_index
            1
        """
        return DeviceSpec().parse_from_string(spec)

    def parse_from_string(self, spec: str) -> DeviceSpec:
        """Fills this object from a device string.

        Args:
            spec: As for from_string.

        Returns:
            This DeviceSpec.

        Raises:
            TypeError: spec is no str.
            ValueError: spec is malformed.

        Example:
            >>> fc.DeviceSpec().parse_from_string("/cpu:0")
            DeviceSpec('/device:CPU:0')
        """
        self.job = self.replica = self.task = self.device_type = self.device_index = None
        for part in text(spec, "a device").split("/"):
            if not part:
                continue
            match = _PART.fullmatch(part)
            if match is None:
                raise ValueError(
                    f"Unknown part '{part}' in device string '{spec}'; a device is written like"
                    " '/device:GPU:0', '/cpu:0', 'gpu' or '/job:worker/task:1'"
                )
            job, job_name, where, number, kind, index, short, short_index = match.groups()
            if job:
                self.job = job_name
            elif where:
                setattr(self, where, None if number == "*" else int(number))
            else:
                kind, index = kind or short, index or short_index
                if self.device_type is not None:
                    raise ValueError(f"Device string '{spec}' names two devices")
                self.device_type = kind.upper()
                self.device_index = None if index in (None, "*") else int(index)
        return self

    def merge_from(self, dev: DeviceSpec) -> None:
        """Takes over the fields that another description has.

        Args:
            dev: A DeviceSpec.

        Raises:
            TypeError: dev is no DeviceSpec.

        Example:
            >>> spec = fc.DeviceSpec(job="worker")
            >>> spec.merge_from(fc.DeviceSpec(device_type="GPU"))
            >>> spec
            DeviceSpec('/job:worker/device:GPU:*')
        """
        instance(dev, DeviceSpec, "dev")
        for name in self.__slots__:
            value = getattr(dev, name)
            if value is not None:
                setattr(self, name, value)

    def to_string(self) -> str:
        """The canonical string.

        Returns:
            A str.

        Example:
            >>> fc.DeviceSpec.from_string("gpu:0").to_string()
            '/device:GPU:0'
        """
        parts = [
            f"/{name}:{getattr(self, name)}"
            for name in ("job", "replica", "task")
            if getattr(self, name) is not None
        ]
        if self.device_type is not None:
            parts.append(
                f"/device:{self.device_type}:{'*' if self.device_index is None else self.device_index}"
            )
        return "".join(parts)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, DeviceSpec) and self.to_string() == other.to_string()

    def __hash__(self) -> int:
        return hash(self.to_string())

    def __repr__(self) -> str:
        return f"DeviceSpec({self.to_string()!r})"


def merge(outer: str, inner: str) -> str:
    """The device string in which `inner` wins where both speak."""
    spec = DeviceSpec.from_string(outer)
    spec.merge_from(DeviceSpec.from_string(inner))
    return spec.to_string()


def canonical(device: Any, what: str, kinds: str = "a str, a DeviceSpec or None") -> str:
    """The canonical string of a str, a DeviceSpec, or None, which asks for nothing.

    Raises TypeError for anything else, ValueError for a malformed str. The message says that `what`
    must be one of `kinds`.
    """
    if device is None:
        return ""
    if isinstance(device, (str, bytes)):
        device = DeviceSpec.from_string(text(device, what))
    if not isinstance(device, DeviceSpec):
        raise TypeError(f"{what} must be {kinds}, found {described(device)}")
    return device.to_string()


def chosen(function: Callable[[Any], Any], op: Any) -> str:
    """The device string that the function of a device scope gives for a new node.

    Raises TypeError or ValueError when it gives no device.
    """
    name = getattr(function, "__qualname__", None) or described(function)
    return canonical(function(op), f"what device function {name} returns for node '{op.name}' ({op.type})")
