"Run every notebook with `nbdev_test`, each in a fresh process, first those of nbs/, then the end-to-end ones of nbs/tests/"
import os, subprocess, sys, time
from pathlib import Path

minutes = 15 # a notebook that takes longer hangs
nbdev_test = Path(sys.executable).with_name('nbdev_test')
notebooks = sys.argv[1:] or [*sorted(Path('nbs').glob('*.ipynb')), *sorted(Path('nbs/tests').glob('*.ipynb'))]
results = []
os.environ['MLXCHAT_TEST'] = '1' # notebooks that would keep what they make, such as 07_run, put it into a temporary folder

for nb in notebooks:
    start = time.monotonic()
    try:
        p = subprocess.run([nbdev_test, '--path', nb], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60*minutes)
        out, ok = p.stdout.decode(errors='replace'), p.returncode == 0 and p.stdout.endswith(b'Success.\n')
    except subprocess.TimeoutExpired as e: out, ok = f"{(e.stdout or b'').decode(errors='replace')}\nno end after {minutes} minutes", False
    results.append(ok)
    if not ok: print(out)
    print(f"{'pass' if ok else 'FAIL'} {time.monotonic()-start:5.0f} s  {nb}", flush=True)

print(f"{sum(results)} notebooks passed, {len(results)-sum(results)} failed")
sys.exit(not results or not all(results))
