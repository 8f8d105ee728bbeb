"Check that notebooks are small, hold no stored errors, and come out whole on the site"
import json, re, sys
from pathlib import Path

problems = []
listed = set(re.findall(r'- (\S+\.ipynb)', Path('nbs/sidebar.yml').read_text('utf-8')))
for p in sorted(Path('nbs').rglob('*.ipynb')):
    if any(part.startswith(('.', '_')) for part in p.parts): continue
    cells = json.loads(p.read_text('utf-8'))['cells']
    if p.relative_to('nbs').as_posix() not in listed: problems.append(f'{p}: is not in nbs/sidebar.yml')
    if p.stat().st_size >= 300_000: problems.append(f'{p}: {p.stat().st_size//1000} kB, the limit is 300 (smaller pictures: python .ci/pictures.py {p})')
    for c in cells:
        if c['cell_type'] != 'code': continue
        src = ''.join(c['source'])
        for o in c['outputs']:
            if o['output_type'] == 'error': problems.append(f"{p}: stored {o['ename']} in the cell that starts {src[:60]!r}")
    # nbdev turns the first cell into the page's title and drops whatever else it holds
    title = ''.join(cells[0]['source']) if cells else ''
    if not re.fullmatch(r'# .+(\n+> .+)?\n*', title): problems.append(f'{p}: the first cell should be `# title` and a one-line `> subtitle` only')

print('\n'.join(problems) or 'notebooks are small, sound and titled')
sys.exit(bool(problems))
