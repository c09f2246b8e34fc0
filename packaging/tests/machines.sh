# Sourced by boot: the machines that it can boot, each with make_machine, boot_machine, and end_machine.
# shellcheck shell=bash
# They set: kind of the system, where the story is written (console), how patient it is, and what is said of the machine.

choose_machine() { # by $how: before there is a system
    kind=machine console=/dev/ttyS0 patience=1
    BOOTS=systemd-sysv,dbus,udev,kmod,iproute2,openssl,caddy,coturn
    if [ "$how" = shared-kernel ]; then
        kind=booted console=/test/console machine='namespaces, with the kernel of this machine'
        groups=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
        [ -n "$groups" ] && mkdir "$groups/hearth-boot-$$" 2>/dev/null || cannot "this root may not make control groups"
        unshare --net true 2>/dev/null || cannot "this root may not make namespaces"
        return
    fi
    BOOTS=$BOOTS,linux-image-cloud-amd64
    need qemu-system-x86_64 mke2fs
    case $how in
        kvm) by_kvm ;;
        emulate) by_emulation ;;
    esac
}

by_kvm() { accelerate=(-accel kvm -cpu "${1:-host}") limit=900 machine="qemu with KVM, -cpu ${1:-host}"; }

by_emulation() {
    accelerate=(-accel 'tcg,thread=multi' -cpu max) limit=5400 patience=6 machine='qemu, which emulates the processor'
}

choose_kvm() { # tries whether a kernel comes as far as its first words; some KVMs cannot run one like Debian's
    local cpu
    tar -C "$work" -xf "$cache/$suite-$kind.tar" ./boot
    if [ -w /dev/kvm ]; then
        for cpu in host max; do
            by_kvm "$cpu"
            if timeout 30 qemu-system-x86_64 "${accelerate[@]}" -m 512 -nographic -no-reboot -kernel "$work"/boot/vmlinuz-* \
                -append 'console=ttyS0 earlyprintk=ttyS0 panic=-1' </dev/null 2>&1 | grep -q 'Linux version'; then return; fi
        done
        echo "KVM is there, but no kernel boots by it"
    else
        echo "there is no KVM"
    fi
    by_emulation
}

make_machine() {
    if [ "$how" = shared-kernel ]; then make_namespaces; else mke2fs -q -t ext4 -d "$system" "$work/disk" 4G; fi
}

boot_machine() { if [ "$how" = shared-kernel ]; then boot_namespaces; else boot_virtual; fi; }

end_machine() {
    [ "$how" = shared-kernel ] && [ -n "${groups:-}" ] || return 0
    find "$groups/hearth-boot-$$" -depth -type d -exec rmdir {} + 2>/dev/null || true
}

boot_virtual() { # until it goes down, or its time is over
    timeout "$limit" qemu-system-x86_64 "${accelerate[@]}" -smp 2 -m 1536 -nographic -no-reboot \
        -nic user,restrict=on,model=virtio -kernel "$system"/boot/vmlinuz-* -initrd "$system"/boot/initrd.img-* \
        -append "root=/dev/vda rw console=ttyS0 quiet edd=off panic=-1" \
        -drive "file=$work/disk,format=raw,if=virtio,cache=unsafe"
}

make_namespaces() { # as systemd wants it of containers
    mkdir -p "$system/test/outside"
    : >"$system/test/console"
    # Nothing here may change the machine around it.
    local unit
    for unit in udevd udev-trigger udev-settle sysctl modules-load; do
        ln -s /dev/null "$system/etc/systemd/system/systemd-$unit.service"
    done
}

boot_namespaces() {
    local following
    tail -n 0 -F "$system/test/console" 2>/dev/null &
    following=$!
    ( # a system that goes down ends its first process by a signal
        timeout --signal=KILL 900 unshare --mount --pid --net --uts --ipc --fork --kill-child \
            bash "$root/packaging/tests/first_process" "$system" "$groups/hearth-boot-$$" || true
    ) >>"$work/first_process.log" 2>&1
    sleep 1 # the last lines
    kill "$following"
}
