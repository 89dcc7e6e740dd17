//! `datetime`: dates, times, differences and time zones, by `Modules/_datetimemodule.c`.
//!
//! Dates and times are packed bytes, the most significant first; a time zone is there only if the object says so.

use heapsake_core::Address;
use heapsake_core::heap::Sink;
use heapsake_core::reduce::Failure;
use heapsake_cpython::layout::{Field, Inline};

use crate::framework::{Target, facts, known, reducers};

reducers! {
    /// *What it holds.* A day.
    /// *What is saved.* `year`, `month` and `day`.
    /// *What becomes a surrogate.* None but the unreadable.
    Date ["datetime.date"] "`year`, `month`, `day`" => |target, _| {
        let [high, low, month, day] = packed(target, known(target.layouts().date)?.data)?;
        facts!(target, "year": u16::from_be_bytes([high, low]), "month": month, "day": day);
        Ok(())
    };

    /// *What it holds.* A day and a time of it.
    /// *What is saved.* `year` to `microsecond`, `fold` and `tzinfo`.
    /// *What becomes a surrogate.* None but the unreadable.
    DateTime ["datetime.datetime"] "`year` to `microsecond`, `fold`, `tzinfo`" => |target, sink| {
        let layout = known(target.layouts().date_time)?;
        let [high, low, month, day, hour, minute, second, micro @ ..]: [u8; 10] = packed(target, layout.data)?;
        facts!(target,
            "year": u16::from_be_bytes([high, low]), "month": month, "day": day,
            "hour": hour, "minute": minute, "second": second, "microsecond": microseconds(micro),
            "fold": target.field(layout.fold)?,
        );
        zone(target, sink, layout.hastzinfo, layout.tzinfo)
    };

    /// *What it holds.* A time of a day.
    /// *What is saved.* `hour` to `microsecond`, `fold` and `tzinfo`.
    /// *What becomes a surrogate.* None but the unreadable.
    Time ["datetime.time"] "`hour` to `microsecond`, `fold`, `tzinfo`" => |target, sink| {
        let layout = known(target.layouts().time)?;
        let [hour, minute, second, micro @ ..]: [u8; 6] = packed(target, layout.data)?;
        facts!(target,
            "hour": hour, "minute": minute, "second": second, "microsecond": microseconds(micro),
            "fold": target.field(layout.fold)?,
        );
        zone(target, sink, layout.hastzinfo, layout.tzinfo)
    };

    /// *What it holds.* A difference of times.
    /// *What is saved.* `days`, `seconds` and `microseconds`.
    /// *What becomes a surrogate.* None but the unreadable.
    TimeDelta ["datetime.timedelta"] "`days`, `seconds`, `microseconds`" => |target, _| {
        let layout = known(target.layouts().time_delta)?;
        facts!(target,
            "days": target.field(layout.days)?,
            "seconds": target.field(layout.seconds)?,
            "microseconds": target.field(layout.microseconds)?,
        );
        Ok(())
    };

    /// *What it holds.* A fixed difference from UTC, and a name.
    /// *What is saved.* `offset` and `name`.
    /// *What becomes a surrogate.* None but the unreadable.
    TimeZone ["datetime.timezone"] "`offset` and `name`" => |target, sink| {
        let layout = known(target.layouts().time_zone)?;
        target.attributes(sink, &[("offset", layout.offset), ("name", layout.name)])
    };
}

fn packed<const N: usize>(target: &Target<'_>, data: Field<Inline>) -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    target.object.read_at(data.at(target.address()), &mut bytes)?;
    Ok(bytes)
}

fn microseconds([high, middle, low]: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, high, middle, low])
}

fn zone(target: &Target<'_>, sink: &mut dyn Sink, is_there: Field<i8>, zone: Field<Address>) -> Result<(), Failure> {
    if target.field(is_there)? != 0 {
        return target.attribute(sink, "tzinfo", zone);
    }
    facts!(target, "tzinfo": None::<bool>);
    Ok(())
}
