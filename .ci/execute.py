"""Execute pages in a Jupyter kernel, as a reader would, and store what they show: `python .ci/execute.py PAGE...`

nbs/07_run.ipynb trains in earnest, as the run `mine`. What it shows comes from a new run only if there is none of that
name:

    HOME=$(mktemp -d) python .ci/execute.py nbs/07_run.ipynb

makes it, stores its outputs, and writes its numbers into nbs/results/run.json, which readers compare theirs with.
"""
import os, subprocess, sys
from pathlib import Path
import nbclient, nbformat

os.environ['MLXCHAT_STORE'] = '1' # a page whose numbers are kept beside it writes them
bin = Path(sys.executable).parent
os.environ['PATH'] = f'{bin}{os.pathsep}{os.environ["PATH"]}' # the kernel is this Python's
pages = [Path(o) for o in sys.argv[1:]]
for page in pages:
    if not page.is_file(): sys.exit(f'there is no notebook {page}')
for page in pages:
    nb = nbformat.read(page, 4)
    where = dict(metadata=dict(path=str(page.parent)))
    nbclient.NotebookClient(nb, timeout=None, kernel_name='python3', resources=where).execute()
    nbformat.write(nb, page)
    subprocess.run([sys.executable, Path(__file__).with_name('pictures.py'), page], check=True)
    subprocess.run([bin/'nbdev_clean', '--fname', page], check=True)
    print(f'{page}: {page.stat().st_size//1000} kB')
