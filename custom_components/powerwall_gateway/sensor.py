"""Sensors: what flows, what has flowed, how full the battery is, and the state of everything."""

from datetime import datetime
from typing import Any, override

from homeassistant.components.sensor import SensorEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.restore_state import RestoredExtraData, RestoreEntity
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .catalogue import SENSORS
from .data import PowerwallGatewayConfigEntry, PowerwallGatewayData
from .description import GatewaySensorDescription
from .device import SubDevice
from .energy_filter import Count, EnergyFilter
from .entity import GatewayValueEntity, add_as_found

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Make the sensors that there is hardware for."""
    add_as_found(entry, async_add_entities, _make, SENSORS)


def _make(
    data: PowerwallGatewayData, description: GatewaySensorDescription[Any, Any], part: SubDevice
) -> GatewaySensor[Any]:
    kind = GatewaySensor if description.rated_power is None else GatewayEnergySensor
    return kind(data, description, part)


class GatewaySensor[DataT](GatewayValueEntity[DataT], SensorEntity):
    """A sensor."""

    entity_description: GatewaySensorDescription[DataT, Any]

    @property
    @override
    def native_value(self) -> StateType | datetime:
        if (read := self.reading.value) is None:
            return None
        value = self.entity_description.value_fn(read)
        return self._on_scale(value) if self.entity_description.scaled and isinstance(value, int | float) else value

    @property
    @override
    def shown(self) -> StateType | datetime:
        return self.native_value


class GatewayEnergySensor[DataT](GatewaySensor[DataT], RestoreEntity):
    """A lifetime energy, guarded against glitches and kept over restarts."""

    _energy: float | None = None
    _taken_from: DataT | None = None

    @override
    async def async_added_to_hass(self) -> None:
        description = self.entity_description
        self._guard = EnergyFilter(description.key, description.rated_power or 0.0)
        state, kept = await self.async_get_last_state(), await self.async_get_last_extra_data()
        if state and kept:
            self._guard.count = Count.from_dict(kept.as_dict(), state.last_updated.timestamp())
        self._take()
        await super().async_added_to_hass()  # last: from here on the coordinator calls
        # A poll that changes nothing counts, too: it may be the one that makes a first 0 certain.
        self.async_on_remove(self.coordinator.async_add_lookout(self._handle_coordinator_update))

    @property
    @override
    def extra_restore_state_data(self) -> RestoredExtraData | None:
        """Keep what was passed on last, also while the gateway does not answer."""
        return RestoredExtraData(self._guard.count.as_dict()) if self._guard.count else None

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._take()
        super()._handle_coordinator_update()

    def _take(self) -> None:
        """Take what a poll read, once for every poll; a failed one has read nothing."""
        if (data := self.coordinator.data) is self._taken_from:
            return
        self._taken_from = data
        if (read := self.reading).value is None:
            self._energy = None
        elif read.error is None:
            value, counts = super().native_value, self.entity_description.counts_fn(read.value)
            self._energy = (
                self._guard.take(float(value), dt_util.utcnow().timestamp(), counts=counts)
                if isinstance(value, int | float)
                else None
            )

    @property
    @override
    def native_value(self) -> float | None:
        return self._energy
