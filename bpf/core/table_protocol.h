/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A slot of the mapping table: its states, and the events that may move it from one to another.
 * This file is compiled into the BPF object and into user space. Two CPUs may work on one slot at
 * any moment; user/dmasnoop/tests/table_race_test.c runs all interleavings of two events.
 *
 * The word @users of struct mapping holds the state. "Identity" means the fields dma, phys, size,
 * shape, generation, attrs and flags.
 *
 *   state      word              identity
 *   OVER       0                 that of the last mapping in the slot, or zero
 *   TAKEN      SLOT_TAKEN        being written; only the event that took the slot may read it
 *   MAKING     SLOT_MAKING       complete; the mapping's line bits are being set
 *   LIVE       1 to SLOT_USERS   complete; the number counts the mapping's users
 *   ENDING     SLOT_ENDING (+n)  complete; one event holds the slot. With n users, the event
 *                                checks whether this is its mapping. With none, it judges an unmap
 *   RELEASING  SLOT_RELEASING    complete; the mapping's line bits are being cleared
 *
 *   SLOT_MET may be added to all but OVER and TAKEN. It says that another mapping is, or was, on
 *   one of this mapping's lines, so the line bits belong to both and must stay set.
 *
 *   from       to         event                                    operation
 *   OVER       TAKEN      a map event                              compare-and-swap
 *   TAKEN      OVER       the same event leaves the work undone    exchange
 *   TAKEN      MAKING     the same event, on the fast path         exchange
 *   TAKEN      LIVE       the same event, on the slow path         exchange
 *   MAKING     LIVE       the same event                           add, which keeps SLOT_MET
 *   MAKING     OVER       the same event; the slow path starts     exchange
 *                         anew
 *   LIVE n     ENDING+n   a map of the same buffer, an unmap on    compare-and-swap
 *                         the slow path, a driver that leaves
 *   ENDING+n   LIVE n     the same event: the mapping is not the   add, which keeps SLOT_MET
 *                         one it looks for
 *   ENDING+n   LIVE n+1   the same map event                       add, which keeps SLOT_MET
 *   ENDING+n   LIVE n-1   the same unmap event, n > 1              add, which keeps SLOT_MET
 *   ENDING+n   ENDING     the same unmap event, n = 1; or the      add, which keeps SLOT_MET
 *                         driver has left, or the device is gone;
 *                         or the same map event, if the mapping's
 *                         unmap was lost
 *   LIVE 1     RELEASING  an unmap event on the fast path          compare-and-swap
 *   RELEASING  LIVE 1     the same event: the slow path must judge add, which keeps SLOT_MET
 *   ENDING     RELEASING  the same event, unless SLOT_MET is set   compare-and-swap
 *   ENDING     OVER       the same event, if SLOT_MET is set or    exchange
 *                         the mapping has no line bits
 *   RELEASING  OVER       the same event                           exchange; a plain store on the
 *                                                                  fast path for TO_DEVICE
 *   any but    + SLOT_MET a map event that meets the mapping on a  compare-and-swap
 *   OVER,                 line
 *   TAKEN
 *
 * These rules follow from the states:
 *
 * 1. A mapping sets its line bits only while others can see it (MAKING or LIVE). If two mappings
 *    come to one line, the second to set the bit therefore finds the first.
 * 2. A mapping clears line bits only in RELEASING, and only if no other mapping met it before. If
 *    another mapping meets it while it releases, SLOT_MET in its last exchange says so, and the
 *    event sets the bits again. An event that found a bit already set looks for the mapping behind
 *    it and then sets its own bits once more, because that mapping may have been RELEASING and may
 *    be OVER by now.
 *    One gap is left, as long as meet(): a third mapping that comes to the line between the
 *    clearing and the setting again is not met.
 * 3. ENDING and RELEASING do not mean "not there", because the event at work may put the mapping
 *    back. A search that meets such a slot tries again. It also tries again when a mapping of its
 *    device ended during the search: see search_live(). After LEAVING_TRIES the event counts as
 *    lost: see lose_unmap().
 * 4. An event compares a mapping with its own call twice: before the exchange, so that one device's
 *    event never hides the mapping of another, and after it, because another mapping may have got
 *    the slot in between.
 */
#ifndef DMASNOOP_SLOT_H
#define DMASNOOP_SLOT_H

#include "core/types.h"

#define SLOT_STATE 0xf0000000u /* 0 here: LIVE or OVER */
#define SLOT_TAKEN 0x80000000u
#define SLOT_MAKING 0x90000000u
#define SLOT_ENDING 0xa0000000u
#define SLOT_RELEASING 0xb0000000u
#define SLOT_MET 0x08000000u
#define SLOT_USERS 0x07ffffffu

#define SLOT static inline __attribute__((always_inline, unused))

/**
 * slot_is_live - check whether the mapping in a slot is live
 * @users: word of the slot
 */
SLOT bool slot_is_live(u32 users)
{
	return users && !(users & SLOT_STATE);
}

/**
 * slot_is_leaving - check whether an event is about to end the mapping or to put it back
 * @users: word of the slot
 */
SLOT bool slot_is_leaving(u32 users)
{
	return (users & SLOT_STATE) >= SLOT_ENDING;
}

/**
 * slot_has_identity - check whether other events may read the slot's identity
 * @users: word of the slot
 */
SLOT bool slot_has_identity(u32 users)
{
	return users && (users & SLOT_STATE) != SLOT_TAKEN;
}

#endif
