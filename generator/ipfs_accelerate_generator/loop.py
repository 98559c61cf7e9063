"""The loop: survey, sync, generate, test, record, adopt, until nothing changes. (Being written.)"""
