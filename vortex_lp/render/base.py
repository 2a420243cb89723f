"""The seam between renderers and everything else."""

from collections.abc import Iterator
from typing import Literal, Protocol, TypeAlias

from vortex_lp.values import Face, Frame, MotionTrack, Portrait

Framing: TypeAlias = Literal["crop", "full"]
"""``"crop"``: a 512 x 512 picture of head and shoulders; ``"full"``: the whole portrait, its
longest side at most 1920 px and both sides even."""


class Prepared(Protocol):
    """A portrait made ready to be animated; prepare once, render many tracks."""

    @property
    def face(self) -> Face:
        """The animated face, in the pixels of the output picture."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of every frame [px], both even."""

    @property
    def note(self) -> str | None:
        """One sentence for the user, such as that the largest of several faces was taken."""

    def render(self, track: MotionTrack) -> Iterator[Frame]:
        """Yield one (H, W, 3) uint8 RGB frame per frame of `track`, in order, as they are made.

        Each frame is the caller's to keep. The same track gives the same bytes.

        Raises:
            RenderError: Drawing failed; the message says what to do.
        """


class Renderer(Protocol):
    """Something that animates portraits. Loading it is the costly part, so it is kept."""

    @property
    def name(self) -> str:
        """``"mesh"`` or ``"liveportrait"``."""

    @property
    def badge(self) -> str:
        """What runs where, for people: ``"LivePortrait FP16 · NVIDIA H200"``, ``"Mesh · CPU"``."""

    def prepare(self, portrait: Portrait, *, framing: Framing = "crop") -> Prepared:
        """Find the face and make everything that does not depend on the motion.

        Raises:
            NoFaceError: No face that can be animated.
        """
