"""What a spec may not change: the shape of a module's tree; and the values that would try to."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from hypothesis import strategies as st

from ipfs_accelerate_generator.module import Module


class Shape(ast.NodeTransformer):
    """A tree without its values, its names and its imports: all that a spec may decide."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(None)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name("name", node.ctx)

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def generic_visit(self, node: ast.AST) -> ast.AST:
        node = super().generic_visit(node)
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
                return ast.Constant(None)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts):
                if all(isinstance(each, ast.Constant) for each in parts):
                    return ast.Constant(None)
        return node


def shape(modules: Iterable[Module]) -> list[str]:
    return [ast.dump(Shape().visit(ast.parse(module.text))) for module in modules]


hostile = st.one_of(
    st.text(max_size=80),
    st.text(st.sampled_from("\"'\\\n\r\t#${}%_ ./;()=x\x00\u2028\u202e\x85\u00aa"), max_size=40),
    st.sampled_from(
        [
            '"""\nimport os\nos.system("true")\n"""',
            "x'); import os; os.system('true'); ('",
            "{{ spec.__class__ }}",
            "# % for x in spec",
            "$title",
            "../../../etc/passwd",
            "/etc/passwd",
            "..",
            "BertModel\nimport os",
            "BertModel as x, y",
            "transformers; import os",
            "class",
            "__import__('os')",
            "\ud800",
            "\uff4f\uff53",
            "a" * 2_500,
        ]
    ),
)
