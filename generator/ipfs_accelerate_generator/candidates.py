"""Backends that evidence left out, built again where the text under test has changed. (Being written.)"""
