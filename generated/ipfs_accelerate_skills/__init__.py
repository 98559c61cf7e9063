"""Generated skills, one module per model type; importing this package imports none of them.

A workspace that is on the import path adds its own modules, and they come before those of the package.
"""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
