"Check that modules carry their notebooks' names and import only lower numbers or companions, never in a circle"
import ast, json, re, sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

problems, number = [], {} # number: module -> the two digits that start its notebook's name
for p in sorted(Path('nbs').glob('*.ipynb')):
    code = [''.join(c['source']) for c in json.loads(p.read_text('utf-8'))['cells'] if c['cell_type'] == 'code']
    exports = re.findall(r'^#\|\s*default_exp\s+(\S+)', '\n'.join(code), re.M)
    name = re.fullmatch(r'(\d\d)[a-z]?_(\w+)', p.stem)
    for module in exports:
        if not name or module != name[2]: problems.append(f'{p}: exports to {module}, which is not its name')
        else: number[module] = name[1]
if 'cli' in number and not Path('nbs/06z_cli.ipynb').exists(): problems.append('cli belongs to nbs/06z_cli.ipynb')

def imports(path):
    "Modules of mlxchat that a file imports, with line numbers; those inside functions count too"
    for node in ast.walk(ast.parse(path.read_text('utf-8'))):
        names = []
        if isinstance(node, ast.Import): names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = '.'.join(filter(None, ['mlxchat' if node.level else '', node.module]))
            names = [f'{base}.{a.name}' for a in node.names] if base == 'mlxchat' else [base]
        for name in names:
            top, *rest = name.split('.')
            if top == 'mlxchat' and rest and (rest[0] in number or Path(f'mlxchat/{rest[0]}.py').exists()): yield node.lineno, rest[0]

graph = {}
for p in sorted(Path('mlxchat').glob('*.py')):
    if p.stem in ('__init__', '__main__', '_modidx'): continue
    if p.stem not in number:
        problems.append(f'{p}: no notebook exports it')
        continue
    graph[p.stem] = {m for _, m in imports(p)}
    problems += [f'{p}:{line}: {number[p.stem]} imports {m}, which is {number.get(m, "no notebook")}'
                 for line, m in imports(p) if number.get(m, '99') > number[p.stem]]
try: TopologicalSorter(graph).prepare()
except CycleError as e: problems.append('imports in a circle: ' + ' -> '.join(reversed(e.args[1])))

def touches_first(module):
    "What a module imports first: backend, which loads a fast BLAS, or mlx, which is too late then; None if neither"
    if module == 'backend': return 'backend'
    for node in ast.parse(Path(f'mlxchat/{module}.py').read_text('utf-8')).body:
        names = []
        if isinstance(node, ast.Import): names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom): names = [f'.{node.module}'] if node.level and node.module else [f'.{a.name}' for a in node.names] if node.level else [node.module]
        for name in names:
            if name.split('.')[0] in ('mlx', 'mlx_lm'): return 'mlx'
            if name.startswith('.') and Path(f'mlxchat/{name[1:]}.py').exists() and (found := touches_first(name[1:])): return found

problems += [f'mlxchat/{m}.py: imports mlx before mlxchat.backend, which loads a fast BLAS' for m in graph if touches_first(m) == 'mlx']

print('\n'.join(problems) or f'{len(graph)} modules import downwards')
sys.exit(bool(problems))
