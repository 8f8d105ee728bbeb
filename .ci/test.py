"""Run every notebook with `nbdev_test`, each in a process of its own: one for two cores, two to eight (JOBS=1: one)

First the end-to-end ones of nbs/tests/, which take longest, so that nothing long is left alone at the end. Most of a
page is Python in a single thread, so two together take about two thirds of the time."""
import os, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

MINUTES = 15 # a notebook that takes longer hangs
nbdev_test = Path(sys.executable).with_name('nbdev_test')
jobs = int(os.environ.get('JOBS') or min(8, max(2, (os.cpu_count() or 1)//2)))
notebooks = sys.argv[1:] or sorted(Path('nbs').rglob('*.ipynb'), key=lambda p: ('tests' not in p.parts, len(p.parts), p))
for nb in notebooks:
    if not Path(nb).is_file(): sys.exit(f'there is no notebook {nb}')
if len(notebooks) > 1: # pages that run together share the cores; two threads of each would wait for one another
    for library in 'OMP', 'MKL', 'OPENBLAS':
        os.environ.setdefault(f'{library}_NUM_THREADS', str(max(1, (os.cpu_count() or 1)//jobs)))
os.environ['MLXCHAT_TEST'] = '1' # notebooks that would keep what they make, such as 07_run, put it into a temporary folder

def run(nb):
    "Does the notebook pass? Says so, and what it printed if not"
    start = time.monotonic()
    if len(notebooks) > 1 and sys.stdout.isatty(): print(f"test           {nb}", flush=True)
    try:
        p = subprocess.run([nbdev_test, '--path', nb], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60*MINUTES)
        out, ok = p.stdout.decode(errors='replace'), p.returncode == 0 and p.stdout.endswith(b'Success.\n')
    except subprocess.TimeoutExpired as e:
        out, ok = f"{(e.stdout or b'').decode(errors='replace')}\nno end after {MINUTES} minutes", False
    if not ok: print(out)
    print(f"{'pass' if ok else 'FAIL'} {time.monotonic()-start:5.0f} s  {nb}", flush=True)
    return ok

if len(notebooks) == 1: print(f"testing {notebooks[0]}: a minute or two", flush=True)
else: print(f"{len(notebooks)} notebooks, {jobs} at a time: each says when it is done", flush=True)
with ThreadPoolExecutor(jobs) as pool:
    try: results = [*pool.map(run, notebooks)]
    except KeyboardInterrupt: # whatever runs has heard it too
        pool.shutdown(cancel_futures=True)
        sys.exit(130)
print(f"{sum(results)} notebook{'s'*(sum(results) != 1)} passed, {len(results)-sum(results)} failed")
sys.exit(not results or not all(results))
