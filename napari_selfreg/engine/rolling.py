"""Feature maps of a window that is computed in bands of rows, from top to bottom.

Only the rows that a later band still sees are kept. Nothing is computed twice, and the memory is
that of a band: taking memory from the system costs a page fault per 4 kB, which together can take
as long as a quarter of the convolutions that fill it.
"""

from __future__ import annotations

from napari_selfreg.core.types import Box
from napari_selfreg.engine.workspace import Frame, Workspace


class RollingMaps:
    """The named maps of one window.

    Parameters
    ----------
    workspace : Workspace
        Whose memory they use.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._frames: dict[str, Frame] = {}
        self._computed: dict[str, int] = {}

    def frame(self, name: str, channels: int, box: Box, ring: int) -> Frame:
        """Return a frame that holds what the last one of that name did, where both overlap.

        Parameters
        ----------
        name, channels, box, ring
            As for `Workspace.frame`.

        Returns
        -------
        Frame
        """
        before = self._frames.get(name)
        common = Box(0, 0, 0, 0) if before is None else before.box.intersect(box)
        # A copy of its own: the new frame lies in the memory of the old one.
        kept = None if before is None or common.empty else before.part(common).clone()
        frame = self._workspace.frame(name, channels, box, ring)
        if kept is not None:
            frame.put(kept, common)
        self._frames[name] = frame
        return frame

    def rest(self, name: str, part: Box) -> Box:
        """Return the rows of `part` that no band has computed yet; they count as computed now.

        Parameters
        ----------
        name : str
            Of what is computed.
        part : Box
            Of its map; of the same columns in every band, and no higher up than in the last one.

        Returns
        -------
        Box
            May be empty.
        """
        start = min(max(part.y0, self._computed.get(name, part.y0)), part.y1)
        self._computed[name] = part.y1
        return Box(start, part.x0, part.y1, part.x1)
