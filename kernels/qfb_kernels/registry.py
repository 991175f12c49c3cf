"""Every CUDA launcher with the types it is called with.

Tests compile each entry to PTX and SASS for compute capability 9.0 without a GPU and keep
its registers and spills; a launcher that is not listed here fails a test. A line is
``"module.launcher_gpu": "void(types of the arguments)"``.
"""

from __future__ import annotations

KERNELS: dict[str, str] = {
    "activity.series_gpu": (
        "void(int32[::1], int64[::1], int64[::1], int8[::1], int16[::1], int16[::1], int64, "
        "int64[::1], int64, int32[:, ::1], int64[:, ::1], float32[:, ::1], int64[:, ::1])"
    ),
    "activity.spectrum_gpu": "void(float32[:, ::1], int64[:, ::1], float64[:, ::1])",
    "amounts.amount_lengths_gpu": (
        "void(int64[::1], int32[::1], int64[::1], int32[::1], int32[::1], float64[:, ::1])"
    ),
    "amounts.levels_gpu": (
        "void(int64[::1], int64[::1], int32[::1], int64[::1], float64[::1], int64[::1], "
        "int32[:, ::1], int32[:, ::1], int32[:, ::1], int64[::1])"
    ),
    "amounts.units_gpu": (
        "void(int64[::1], int32[:, ::1], int32[:, ::1], int64[::1], int64[::1], int64[::1], "
        "int32[::1], int64[::1], int32[::1])"
    ),
    "asked.asked_gpu": (
        "void(float64[:, ::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[::1], int64, "
        "float64[:, ::1])"
    ),
    "best.best_gpu": "void(int64[::1], float64[::1], int64[::1], int64[:, ::1], int64[::1])",
    "boundaries.boundaries_gpu": (
        "void(int64[::1], int64[::1], int64[::1], int8[::1], int16[::1], int32[::1], int64[::1], "
        "int64[::1], int8[::1])"
    ),
    "channels.shares_gpu": (
        "void(int64[:, ::1], int8[::1], int16[::1], int64, int64[::1], int64[::1], int64[::1], "
        "int64[::1], float64[:, ::1])"
    ),
    "channels.sums_gpu": "void(int32[::1], int64[::1], int64[::1], int64[::1], int64[:, ::1])",
    "characters.pack_gpu": "void(uint8[::1], int32[::1], uint8[::1], int32[::1], uint8[::1])",
    "characters.seen_gpu": "void(uint8[::1], int32[::1], uint8[::1])",
    "characters.strip_gpu": (
        "void(uint8[::1], int32[::1], uint8[:, ::1], uint8[::1], uint8[::1], int64, uint8[::1], "
        "int32[::1], int32[::1])"
    ),
    "closing.closes_gpu": "void(int64[::1], int64[::1], int64[::1], int64, boolean[::1])",
    "cutoffs.least_gpu": "void(int32[:, ::1], int64[::1], int64[:, ::1])",
    "cutoffs.seen_gpu": "void(int32[::1], int64[::1], int32[::1], int64[:, ::1])",
    "cycles.ranges_gpu": "void(int64[::1], int64[::1], int64[:, ::1])",
    "cycles.trips_gpu": (
        "void(int32[::1], int64[::1], int32[::1], int64[::1], int64[::1], int64[:, ::1], "
        "int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], float64[::1], "
        "int32[:, ::1], int64[:, ::1], int64[:, ::1], int64[::1], int64[:, ::1])"
    ),
    "days.parse_date_gpu": "void(uint8[::1], int32[::1], int64, int32[::1], int8[::1])",
    "dealings.dealings_gpu": (
        "void(int64[:, ::1], int32[:, ::1], int32[:, ::1], int32[:, ::1], float64[:, ::1], "
        "float64[:, ::1], float64[:, ::1], int64[:, ::1], int64[::1], int64, int64, "
        "float64[:, ::1], int64[:, ::1])"
    ),
    "decimals.parse_decimal_gpu": "void(uint8[::1], int32[::1], int64[::1], int16[::1], int8[::1])",
    "decimals.to_minor_gpu": (
        "void(int64[::1], int16[::1], int8[::1], boolean, int64[::1], int8[::1])"
    ),
    "expected.expected_gpu": (
        "void(int64[::1], int64[:, ::1], int32[::1], int64, int64, int64[::1], int32[::1], "
        "int32[::1], int64[::1])"
    ),
    "features.counts_gpu": (
        "void(int32[::1], int64[::1], int64[::1], int8[::1], int8[::1], int64, int64[::1], "
        "int64, int64[:, ::1])"
    ),
    "features.currency_gpu": (
        "void(int32[::1], int64[::1], int16[::1], int64[:, ::1], int64[::1], int64, int16[::1], "
        "int32[::1])"
    ),
    "features.money_gpu": (
        "void(int32[::1], int64[::1], int64[::1], int8[::1], int16[::1], int16[::1], int64, "
        "int64[::1], int64, int64[:, ::1])"
    ),
    "features.partners_gpu": (
        "void(int32[::1], int64[::1], int64[::1], int8[::1], int16[::1], int16[::1], int64[:, "
        "::1], int64, int64[::1], int64, int64[:, ::1])"
    ),
    "features.windows_gpu": "void(int32[::1], int64[::1], int64[::1], int64, int64, int64[:, ::1])",
    "fingerprints.fingerprints_gpu": "void(int64[::1], int64[::1], int64[::1], uint64[::1])",
    "forecast.forecast_gpu": (
        "void(int32[::1], int32[::1], int32[::1], int32[::1], int64[::1], "
        "int32[::1], int64[::1], int64[:, ::1], int64, float64[:, ::1], float64[:, ::1], "
        "int32[:, ::1], int32[:, ::1], int32[::1], int32[::1], int32[::1], int8[::1])"
    ),
    "groups.over_all_gpu": "void(int32[::1], int64[::1], int64[::1], int32[::1])",
    "groups.relations_gpu": "void(int32[::1], int64[::1], int64[::1])",
    "intervals.gaps_gpu": (
        "void(int64[::1], int32[::1], int64[::1], int32[::1], int32[::1], float64[::1], "
        "float64[::1], float64[::1])"
    ),
    "members.number_gpu": (
        "void(int64[::1], int32[::1], int32[::1], int64[::1], int64[::1], int64[::1], "
        "int32[::1], int32[::1], int32[::1], int32[::1], int32[::1])"
    ),
    "members.place_gpu": (
        "void(int64[::1], int32[::1], int32[::1], int64[::1], int64[::1], int32[::1], "
        "int32[::1], int32[::1], int64[::1], int32[::1], int32[::1])"
    ),
    "month_seasons.steady_gpu": (
        "void(int64[:, ::1], int64[:, ::1], int64[::1], float64[:, ::1], float64[:, ::1], "
        "float64[:, ::1])"
    ),
    "month_seasons.sums_gpu": "void(int64[:, ::1], int64, int64[:, ::1])",
    "order_payments.order_payments_gpu": (
        "void(int32[::1], int64[::1], int64[::1], int16[::1], int32[::1], int64[::1], "
        "int64[::1], int64[::1], int8[::1], int16[::1], int64, int64[::1], int64[::1], "
        "int8[::1], int32[::1])"
    ),
    "ngrams.bounds_gpu": ("void(uint8[::1], int64[::1], int64[::1], int64[::1], int64[:, ::1])"),
    "ngrams.features_gpu": (
        "void(uint8[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int32[::1], uint8[::1], "
        "int32[::1], int64[::1], int64[::1], int32[::1], int64[::1], int64[::1], int64[::1], "
        "int32[::1], int64[:, ::1])"
    ),
    "overlap.overlap_gpu": (
        "void(int64[::1], int64[::1], float64[::1], int64[::1], int64[::1], int64[::1], "
        "float64[::1])"
    ),
    "pay_cycles.pay_cycles_gpu": (
        "void(int32[::1], int64[::1], int64[::1], int64, int64, int64[::1], int64[::1], "
        "int64[::1], float64[:, ::1])"
    ),
    "pauses.parts_gpu": (
        "void(int64[::1], int32[::1], int64[::1], int32[::1], float64[::1], int64[::1], int32[::1])"
    ),
    "pools.left_gpu": "void(int64[::1], int32[::1], int64[::1], int64[::1], int64[::1])",
    "pools.list_gpu": (
        "void(int64[::1], int32[::1], int64[::1], int64[::1], int64[::1], int32[::1])"
    ),
    "pools.take_gpu": (
        "void(int32[::1], int64[::1], int32[::1], int32[::1], int32[::1], int32[::1], "
        "int32[::1], int32[::1], int32[::1])"
    ),
    "prices.prices_gpu": (
        "void(int64[::1], int64[::1], int32[::1], int64[::1], int32[::1], int32[::1], "
        "int32[::1], int8[::1], float64[:, ::1], int32[::1])"
    ),
    "rayleigh.rayleigh_gpu": (
        "void(int64[::1], int32[::1], int64[::1], int32[::1], int64[::1], int64[::1], "
        "float64[:, ::1], float64[:, ::1])"
    ),
    "recode.recode_gpu": (
        "void(int32[::1], int64[::1], int64[::1], int32[:, ::1], int32[::1], int32[::1], "
        "int64[::1])"
    ),
    "regularity.regularity_gpu": (
        "void(int64[::1], int8[::1], int64[::1], int64[::1], int8[::1], int16[::1], int32[::1], "
        "int64[::1], float64[::1], int16[::1], int64, int64[:, ::1])"
    ),
    "rows.best_gpu": "void(float32[:, ::1], int32[:, ::1], float32[:, ::1])",
    "rows.means_gpu": (
        "void(float32[:, ::1], int32[::1], int64[::1], int64[:, ::1], float32[:, ::1])"
    ),
    "rows.products_gpu": "void(float32[:, ::1], float32[:, ::1], float32[:, ::1])",
    "rows.shares_gpu": "void(float32[:, ::1])",
    "search.search_gpu": (
        "void(int64[::1], int64[::1], int32[::1], int64[::1], int32[::1], int64[::1], int32[::1], "
        "float64[::1], float64[::1], float64[:, ::1], int64[::1], int64[::1], int32[:, ::1], "
        "float64[:, ::1], int32[:, ::1], int64[:, ::1], float64[:, ::1])"
    ),
    "series.fill_gpu": "void(int64[::1], int32[::1], int64[::1], int32[::1], float32[:, ::1])",
    "series.peaks_gpu": (
        "void(complex64[:, ::1], int64[::1], int64, boolean, float64[:, ::1], float64[::1], "
        "float64[::1])"
    ),
    "settle.recount_gpu": (
        "void(int32[::1], int32[::1], int32[::1], int32[::1], int64[::1], int32[::1], "
        "int64[::1], int64[:, ::1])"
    ),
    "settle.settle_gpu": (
        "void(int64[::1], int64[::1], int32[::1], int32[::1], int32[::1], int64[::1], "
        "int64[::1], int64[:, ::1], int64[::1], int64[::1], int32[::1], int32[::1], int32[::1], "
        "int32[::1])"
    ),
    "spans.after_gpu": "void(uint8[::1], int32[::1], uint8[::1], int64, int32[::1], int32[::1])",
    "spans.between_gpu": (
        "void(uint8[::1], int32[::1], uint8[::1], uint8[::1], int64, int32[::1], int32[::1])"
    ),
    "spans.copy_gpu": "void(uint8[::1], int32[::1], int32[::1], int32[::1], uint8[::1])",
    "spans.count_gpu": "void(uint8[::1], int32[::1], uint8[::1], int32[::1])",
    "spans.first_gpu": "void(uint8[::1], int32[::1], uint8[::1], int32[::1], int32[::1])",
    "spans.place_gpu": "void(uint8[::1], int32[::1], int64, int64, int64, int32[::1], int32[::1])",
    "streams.answer_gpu": (
        "void(int64[::1], int32[::1], int64[::1], int32[::1], int64[::1], int64[:, ::1], "
        "int32[::1], int32[::1])"
    ),
    "streams.choose_gpu": (
        "void(int64[::1], int32[::1], int64[::1], int32[::1], int64[::1], int64, int64[:, ::1], "
        "float64[:, ::1], float64[:, ::1], float64[::1], int8[::1])"
    ),
    "streams.reversals_gpu": "void(int64[::1], int64[::1], int32[::1])",
    "text.hash_text_gpu": "void(uint8[::1], int32[::1], int64[::1])",
    "text.rough_gpu": "void(uint8[::1], int32[::1], int8[::1])",
    "unsteady.unsteady_gpu": (
        "void(float64[:, ::1], int64[:, ::1], int64[::1], int64, float64[:, ::1])"
    ),
    "weighed.weighed_gpu": (
        "void(float64[:, ::1], float64[::1], float64[::1], int64[:, ::1], float64[:, ::1], "
        "int32[:, ::1])"
    ),
    "workdays.working_days_gpu": (
        "void(int32[::1], int32[::1], int32[::1], int64[::1], int64[:, ::1], int64[::1], "
        "int32[::1], int64, int32[::1], int8[::1])"
    ),
}
