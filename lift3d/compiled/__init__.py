"""Loops that Numba compiles, on plain arrays of double precision; compiled when first called, then kept on disk.

A module holds everything that its loops call: what is kept on disk is made anew when that one file changes.
"""
