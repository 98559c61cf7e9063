"""A skill with the part of the runtime that it calls, as a folder that needs nothing else of ours."""
