"""Check that modules carry their notebooks' names, and import as DESIGN draws it: never in a circle, never up

fast, safety → the spine and sources → serving → guides
"""
import ast, json, re, sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ALONE = {'guides.mlx_lm_model'} # exports take it along to where mlxchat is not installed
FLOOR = dict(fast=0, safety=0, spine=1, sources=1, serving=2, guides=3) # a module imports what is on its floor or below
problems, modules = [], {} # modules: dotted name below mlxchat -> its file

def room(module): return module.split('.')[0] if '.' in module else 'spine'

for nb in sorted(Path('nbs').rglob('*.ipynb')):
    if any(part.startswith(('.', '_')) for part in nb.parts): continue
    code = '\n'.join(''.join(c['source']) for c in json.loads(nb.read_text('utf-8'))['cells'] if c['cell_type'] == 'code')
    place = nb.relative_to('nbs').with_suffix('')
    name = '.'.join([*place.parts[:-1], re.sub(r'^\d\d[a-z]?_', '', place.name)])
    for module in re.findall(r'^#\|\s*default_exp\s+(\S+)', code, re.M):
        if module != name: problems.append(f'{nb}: exports to {module}, and its name is {name}')
        elif room(module) not in FLOOR: problems.append(f'{nb}: there is no folder {room(module)} in the plan')
        else: modules[module] = Path('mlxchat', *module.split('.')).with_suffix('.py')

def parent(module, level): # of a relative import
    return ['mlxchat', *module.split('.')][:-level]

def imports(module):
    "Names below mlxchat that a module imports, with line numbers, in order; those inside functions count too"
    for node in ast.walk(ast.parse(modules[module].read_text('utf-8'))):
        names = []
        if isinstance(node, ast.Import): names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = '.'.join([*(parent(module, node.level) if node.level else []), *filter(None, [node.module])])
            names = [base, *(f'{base}.{a.name}' for a in node.names)]
        for name in names:
            if name.removeprefix('mlxchat.') in modules: yield node.lineno, name.removeprefix('mlxchat.')

for p in Path('mlxchat').rglob('*.py'):
    if p not in modules.values() and p.stem not in ('__init__', '__main__', '_modidx'): problems.append(f'{p}: no notebook exports it')
graph = {m: {name for _, name in imports(m)} for m in modules}
for m in modules:
    problems += [f'{modules[m]}:{line}: {room(m)} imports {name}, which is above it'
                 for line, name in imports(m) if FLOOR[room(name)] > FLOOR[room(m)]]
try: TopologicalSorter(graph).prepare()
except CycleError as e: sys.exit('\n'.join([*problems, 'imports in a circle: ' + ' -> '.join(reversed(e.args[1]))]))

problems += [f'{modules[m]}: imports {name}, and has to run without it' for m in ALONE for name in graph[m]]
print('\n'.join(problems) or f'{len(graph)} modules import downwards')
sys.exit(bool(problems))
