"""The generators under the names of the project's documents: a thin face over `ipfs_accelerate_generator`.

`generators.test_generators.ModelTestGenerator` writes the tests of one model type, `generators.skill_generators.
SkillGenerator` the skills of several, each for the backends that are asked for and into a folder of one's own.
"""
