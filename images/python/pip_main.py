"""`python -m pip`: the same front as the command pip; pip itself is pip.__real_main__."""
import runpy

runpy.run_path("/usr/share/tramway/pip.py", run_name="__main__")
