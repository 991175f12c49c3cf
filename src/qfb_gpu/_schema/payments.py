"""Gold: the streams of payments."""

from __future__ import annotations

from qfb_gpu._schema.model import table

_STREAM_KEY = "customer_id stream_id"

TABLES = (
    table(
        "payment_streams", _STREAM_KEY,
        ("stream_id", "int64",
         ("number of the stream: a hash of its relation (customer, counterparty, direction, "
          "currency) and its ordinal in it")),
        ("customer_id", "string", "the customer"),
        ("counterparty_id", "string", "who pays or is paid; null where the source gave none"),
        ("description", "string", "normalised memo where there is no counterparty, else null"),
        ("direction", "string", "in: received, out: paid"),
        ("currency", "string", "ISO 4217 code, e.g. CNY"),
        ("n_payments", "int32", "payments in the stream; negative amounts (role returned) not"),
        ("first_date", "date", "day of the first payment"),
        ("last_date", "date", "day of the last payment"),
        ("is_regular", "bool", "q_value is at most the run's false-discovery rate"),
        ("cadence", "string",
         ("daily, weekly, biweekly, semimonthly, monthly, bimonthly, quarterly, semiannual, "
          "annual, every_n_days; irregular where not regular")),
        ("period_days", "float64",
         "mean days between due dates, e.g. 30.436875: monthly; null where not regular"),
        ("schedule_code", "string",
         ("OBIE frequency code, e.g. IntrvlMnthDay:01:15; NotKnown: see sources.md; null where not "
          "regular")),
        ("rrule", "string",
         "RFC 5545 recurrence rule, e.g. FREQ=MONTHLY;BYMONTHDAY=15; null where not regular"),
        ("roll", "string",
         ("how a due date on a closed day moves: none, preceding, following, modified_following; "
          "null where not regular")),
        ("confidence", "float64",
         "1 - q_value: share of real streams among all at least as sure; 0 where not tested"),
        ("p_value", "float64",
         "chance of such a schedule among payments at random; null: too few payments to test"),
        ("q_value", "float64",
         ("p_value corrected for all streams of the run (Benjamini-Hochberg); null where p_value "
          "is")),
        ("interval_mean_days", "float64",
         "mean gap between successive payments; null for one payment"),
        ("interval_std_days", "float64",
         "population standard deviation of the gaps; null for one payment"),
        ("interval_median_days", "float64", "median gap; null for one payment"),
        ("spectrum_period_days", "float64",
         ("days of the strongest rhythm (the fundamental); of 3 to 5 payments the period most in "
          "step")),
        ("spectrum_strength", "float64",
         "share of the power at that period, 0 to 1; null below 6 payments or 16 days"),
        ("spectrum_entropy", "float64",
         "0: one line, 1: white noise; null below 6 payments or 16 days"),
        ("amount_kind", "string", "fixed, stepped, variable or trend"),
        ("amount_typical", "float64", "typical amount, currency units"),
        ("amount_step_date", "date", "first payment at the newest amount; null unless stepped"),
        ("amount_step_ratio", "float64",
         "change at that step, of the amount before: 0.1 is 10% more; null unless stepped"),
        ("amount_total_minor", "int64",
         "exact sum in minor units, before returns (negative amounts)"),
        ("next_date", "date",
         "day on which the next payment is expected; null unless regular and not stopped"),
        ("next_date_earliest", "date",
         ("first day of the shortest range that holds the payment's day with 90%; null as "
         "next_date")),
        ("next_date_latest", "date", "last day of that range; null as next_date"),
        ("next_due_date", "date",
         ("the due date that the next payment answers, before as_of where overdue; null as "
          "next_date")),
        ("next_amount", "float64",
         ("expected amount, currency units; raised where the price rose at this time of two of the "
          "last three years; null as next_date")),
        ("next_amount_low", "float64",
         ("5% quantile of the next amount, currency units; of one that stays the amount, or a "
          "thousandth below where it wobbles; null as next_date")),
        ("next_amount_high", "float64",
         ("95% quantile of the next amount, currency units; where next_amount is raised, by twice "
          "the larger of these two rises; null as next_date")),
        ("n_missed", "int32",
         ("due dates without a payment, two that roll to one day as one; 0 where not regular. Of "
          "monthly payments that leave out half of the months, ranges hold 78% of next dates, "
          "not 90%")),
        ("status", "string", "early, mature or stopped; null where not regular"),
    ),
    table(
        "stream_payments", "customer_id txn_id",
        ("txn_id", "string",
         ("the payment; one received and one paid may have the same number: join on the direction "
          "of the stream, too")),
        ("customer_id", "string", "the customer"),
        ("stream_id", "int64", "its stream"),
        ("role", "string",
         ("regular (at most two days off its due date; two working days where schedule_clock is "
          "1, so 10 days across a long holiday), late, early, extra (answers no due date) or "
          "returned")),
        ("due_date", "date", "the due date that the payment answers; null where extra or returned"),
    ),
    table(
        "expected_payments", "customer_id stream_id due_date",
        ("customer_id", "string", "the customer"),
        ("stream_id", "int64", "the stream"),
        ("due_date", "date",
         ("day due, within payments.horizon_days (90) of as_of; an overdue payment stands at the "
          "next day")),
        ("direction", "string", "in: to be received, out: to be paid"),
        ("currency", "string", "ISO 4217 code, e.g. CNY"),
        ("amount", "float64",
         "next_amount of the stream, currency units, on each of its due dates"),
    ),
)  # fmt: skip
