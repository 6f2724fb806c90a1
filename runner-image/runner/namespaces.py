"""Put this process into namespaces of its own, with a root file system that shows only what was named.

Linux only, by system calls, so that nothing has to be installed; standard library only, because it runs inside the
warden before the isolation stands. Needs a kernel with `mount_setattr` (5.12) and either root or unprivileged
user namespaces; where one is missing, `OSError` says so and nothing must be run.

* The new root is a read-only tmpfs. System folders and what the plan names are bound into it, read-only unless
  named as writable, without set-uid programs and devices. `/tmp`, `/run` and `/dev` are new and empty.
* The network namespace has only its own loopback, so the tests of a repository can talk to themselves.
* The process namespace shows only the sandbox. When its first process ends, the kernel ends all others.
* Capabilities are gone before the command runs, and can't come back.
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Sequence
from pathlib import Path

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x20000,
    0x4000000,
    0x8000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
MNT_DETACH = 2
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV = 1, 2, 4
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
SYS_MOUNT_SETATTR = 442
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 24, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
CAPABILITY_VERSION_3 = 0x20080522
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def prctl(option: int, first: int = 0, second: int = 0) -> None:
    """`prctl(2)`; `OSError` where the kernel refuses."""
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(option, ctypes.c_ulong(first), ctypes.c_ulong(second), zero, zero), f"prctl {option}")


def mount(source: str, target: Path, kind: str | None, flags: int, data: str | None = None) -> None:
    """`mount(2)`."""
    kind_bytes, data_bytes = kind.encode() if kind else None, data.encode() if data else None
    done = _libc.mount(
        os.fsencode(source), os.fsencode(target), kind_bytes, ctypes.c_ulong(flags), data_bytes
    )
    _check(done, f"mount {target}")


def _set_attributes(target: Path, attributes: int, *, recursive: bool = True) -> None:
    packed = struct.pack("QQQQ", attributes, 0, 0, 0)
    how, size = ctypes.c_uint(AT_RECURSIVE if recursive else 0), ctypes.c_size_t(len(packed))
    path = os.fsencode(target)
    done = _libc.syscall(SYS_MOUNT_SETATTR, ctypes.c_int(AT_FDCWD), path, how, packed, size)
    _check(done, f"mount_setattr {target}")


def enter_processes() -> None:
    """Children forked from now on are in a new process namespace; with a user namespace where that is what it takes.

    The caller itself stays where it is, with the machine's `/proc`, from which it ends them.
    """
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        try:
            _check(_libc.unshare(NEWPID), "unshare")
        except OSError as error:
            if error.errno != errno.EPERM:
                raise
        else:
            return
    _check(_libc.unshare(NEWPID | NEWUSER), "unshare")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")


def enter_rest() -> None:
    """Leave the machine's mounts, network, host name and IPC. For the child: it will change the root."""
    _check(_libc.unshare(NEWNS | NEWUTS | NEWIPC | NEWNET), "unshare")


def loopback_up() -> None:
    """Switch the namespace's own loopback on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        name = b"lo".ljust(16, b"\0")
        (flags,) = struct.unpack("16xh", fcntl.ioctl(sock, SIOCGIFFLAGS, name + b"\0\0")[:18])
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", name, flags | IFF_UP))


def build_root(root: Path, *, readonly: Sequence[Path], writable: Sequence[Path], cwd: Path) -> None:
    """Mount the new root on `root` and move into it. `root` is an empty folder that only we can write."""
    mount("none", Path("/"), None, MS_REC | MS_PRIVATE)
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=16m")
    for name, options in (("tmp", "mode=1777,size=512m"), ("run", "mode=755,size=16m")):
        (root / name).mkdir()
        mount("tmpfs", root / name, "tmpfs", MS_NOSUID | MS_NODEV, options)
    _devices(root)
    _proc(root / "proc")
    # Shorter paths first: a folder must be there before something is bound inside it.
    binds = {**dict.fromkeys(readonly, False), **dict.fromkeys(writable, True)}
    for path in sorted(binds, key=lambda path: len(path.parts)):
        _bind(root, path, writable=binds[path])
    (root / ".old").mkdir()
    number = SYS_PIVOT_ROOT[os.uname().machine]
    _check(_libc.syscall(number, os.fsencode(root), os.fsencode(root / ".old")), "pivot_root")
    os.chdir("/")
    _check(_libc.umount2(b"/.old", MNT_DETACH), "umount of the old root")
    Path("/.old").rmdir()
    _set_attributes(Path("/"), ATTR_RDONLY, recursive=False)
    os.chdir(cwd)


def _proc(proc: Path) -> None:
    proc.mkdir()
    mount("proc", proc, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    # These go by the user id alone: without the cover, root without any capability could still set core_pattern.
    for name in ("sys", "sysrq-trigger", "irq", "bus"):
        if (proc / name).exists():
            mount(str(proc / name), proc / name, None, MS_BIND | MS_REC)
            _set_attributes(proc / name, ATTR_RDONLY)


def _devices(root: Path) -> None:
    dev = root / "dev"
    dev.mkdir()
    mount("tmpfs", dev, "tmpfs", MS_NOSUID, "mode=755,size=1m")
    for name in DEVICES:
        (dev / name).touch()
        mount(f"/dev/{name}", dev / name, None, MS_BIND)
    (dev / "shm").mkdir()
    mount("tmpfs", dev / "shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=256m")
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (dev / name).symlink_to(f"/proc/self/{target}")


def _bind(root: Path, path: Path, *, writable: bool) -> None:
    target = root / path.relative_to("/")
    if path.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path.readlink())
        return
    if path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount(str(path), target, None, MS_BIND | MS_REC)
    _set_attributes(target, ATTR_NOSUID | ATTR_NODEV | (0 if writable else ATTR_RDONLY))


def drop_privileges() -> None:
    """No capability now, none after any exec."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="ascii"))
    for capability in range(last + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError as error:
            if error.errno != errno.EPERM:
                raise
            break  # without CAP_SETPCAP there is nothing to drop; no_new_privs below keeps it so
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
    _check(_libc.syscall(SYS_CAPSET[os.uname().machine], header, bytes(24)), "capset")
