# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A device that misbehaves: what can be survived is survived with the right result, the rest is a clear error."""

from harness import case

RUN = ("--vram", "4M", "--size", "6M")
SURVIVED = {"irq-lose": (2, 10), "irq-double": (1, 2), "copy-delay-ns": (20000,), "fault-entries": (1, 16),
            "fault-double": (1, 3), "control-waits": (1,)}


def survive(knob, value):
    @case(name=f"{knob}={value} is survived", sanitized=value in (2, 16, 3))
    def one(ferry):
        for program in ("histogram", "copy"):
            ferry.verified(program, *RUN, "--inject", f"{knob}={value}")


for _knob, _values in SURVIVED.items():
    for _value in _values:
        survive(_knob, _value)


@case(sanitized=True)
def all_survivable_trouble_at_once_is_survived(ferry):
    inject = [x for knob, values in SURVIVED.items() for x in ("--inject", f"{knob}={values[-1]}")]
    ferry.verified("sort", *RUN, *inject)


@case(sanitized=True)
def a_device_that_is_off_the_bus_is_reported_as_lost(ferry):
    ferry.run("histogram", *RUN, "--inject", "off-bus=1").refused()
    report = ferry.run("histogram", *RUN, "--inject", "off-bus=1", "--json").refused().json()
    assert report["error"].startswith(("DEVICE_", "HOST_")), report


@case(sanitized=True)
def a_device_that_hangs_is_noticed(ferry):
    report = ferry.run("histogram", *RUN, "--inject", "hang=1", "--json", timeout_s=90).refused().json()
    assert report["error"] in ("DEVICE_HUNG", "DEVICE_LOST", "TIMEOUT"), report


@case(sanitized=True)
def copies_that_fail_never_give_a_wrong_result(ferry):
    for value in (1, 5, 50):
        result = ferry.run("copy", *RUN, "--inject", f"copy-fail={value}", "--json")
        report = result.json()
        if result.status:
            result.refused()
            result.need(report.get("verified") is not True, "failed, and verified")
        else:
            result.need(report["verified"] is True, "success without a right result")


@case(sanitized=True)
def a_page_with_an_uncorrectable_error_never_gives_a_wrong_result(ferry):
    for page in (1, 512, 1024):
        result = ferry.run("histogram", *RUN, "--inject", f"poison-page={page}", "--json")
        report = result.json()
        if result.status:
            result.refused()
            result.need(report.get("verified") is not True, "failed, and verified")
        else:
            result.need(report["verified"] is True, "success without a right result")
