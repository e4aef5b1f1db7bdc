"""Errors whose message a person can read and act on."""

from __future__ import annotations


class SelfRegError(Exception):
    """Base of all errors shown to a person: one sentence, with the remedy."""


class BadInputError(SelfRegError):
    """An image, label, folder or option that cannot be used."""


class CorrectedError(BadInputError):
    """An earlier result that a person has corrected, or may have, and that is not replaced."""


class BadModelError(SelfRegError):
    """A bundle that is damaged, hostile or not one of ours."""


class DeviceError(SelfRegError):
    """A compute device that is unknown, absent or out of memory."""


class WriteError(SelfRegError):
    """A result that could not be written (full disk, missing permission)."""

    of_name = False
    """Whether only this file's name is to blame: others in its folder can be written."""

    of_disk = False
    """Whether the disk is full, so that no other file of any length can be written either."""
