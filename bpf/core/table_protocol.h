/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A slot of the mapping table: its states, and who may move it from one to another.
 * Compiled into the BPF object and into user space. Two CPUs may work on one slot at any
 * moment; user/dmasnoop/tests/table_race_test.c runs all interleavings of two events.
 *
 * The word @users of struct mapping holds the state. "Identity" means the fields dma, phys,
 * size, shape, generation, attrs and flags.
 *
 *   state      word              identity
 *   OVER       0                 that of the mapping that was here last, or zero
 *   TAKEN      SLOT_TAKEN        being written; only the event that took the slot may read it
 *   MAKING     SLOT_MAKING       complete; its cache lines are being claimed
 *   LIVE       1 to SLOT_USERS   complete; the number is how often it is mapped at once
 *   ENDING     SLOT_ENDING (+n)  complete; one event holds the slot. With n users: it checks
 *                                whose mapping this is. Without: it judges an unmap
 *   RELEASING  SLOT_RELEASING    complete; its cache lines are being released
 *
 *   SLOT_MET may be added to all but OVER and TAKEN: another mapping is, or was, on one of
 *   its lines, so the line bits are not only its own and must stay set.
 *
 *   from       to         who                                      how
 *   OVER       TAKEN      a map event                              compare-and-swap
 *   TAKEN      OVER       that event: it leaves the work undone    exchange
 *   TAKEN      MAKING     that event, on the fast path             exchange
 *   TAKEN      LIVE       that event, on the slow path             exchange
 *   MAKING     LIVE       that event                               add, which keeps SLOT_MET
 *   MAKING     OVER       that event: the slow path starts anew    exchange
 *   LIVE n     ENDING+n   a map of the same buffer, an unmap on    compare-and-swap
 *                         the slow path, a driver that leaves
 *   ENDING+n   LIVE n     that event: it is another's mapping      add, which keeps SLOT_MET
 *   ENDING+n   LIVE n+1   that map event                           add, which keeps SLOT_MET
 *   ENDING+n   LIVE n-1   that unmap event, n > 1                  add, which keeps SLOT_MET
 *   ENDING+n   ENDING     that unmap event, n = 1; or the driver   add, which keeps SLOT_MET
 *                         has left, or the device is no more; or
 *                         that map event: the mapping's unmap was lost
 *   LIVE 1     RELEASING  an unmap event on the fast path          compare-and-swap
 *   RELEASING  LIVE 1     that event: the slow path has to judge   add, which keeps SLOT_MET
 *   ENDING     RELEASING  that event, unless SLOT_MET is there     compare-and-swap
 *   ENDING     OVER       that event, when SLOT_MET is there       exchange
 *   RELEASING  OVER       that event                               exchange
 *   any        + SLOT_MET a map event that meets it on a line      compare-and-swap
 *
 * What follows from that:
 *
 * 1. A mapping sets its line bits only while others can see it (MAKING or LIVE). Of two
 *    mappings that come to one line, the second to set the bit therefore finds the first.
 * 2. A mapping clears line bits only in RELEASING, and only if nobody met it before. One
 *    that is met while it releases is told by SLOT_MET in its last exchange, and sets the
 *    bits again. Who found a bit set, sets its own bits once more after it has looked: the
 *    mapping that had them may have been releasing them, and be OVER by now.
 *    (A third mapping that comes to the line between the clearing and the setting again
 *    is not met. The window is a few instructions.)
 * 3. ENDING and RELEASING do not mean "not there": the event at work may put the mapping
 *    back. A search that meets one tries again. It also tries again when a mapping of its
 *    device ended meanwhile: see search_live(). After LEAVING_TRIES the event counts as
 *    lost: see lose_unmap().
 * 4. Whose mapping it is, is compared before an exchange, so that one device's event
 *    never hides the mapping of another; and after it, because the slot may have been
 *    given to another mapping in between.
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
 * slot_is_live - is the mapping in a slot live?
 * @users: its word
 */
SLOT bool slot_is_live(u32 users)
{
	return users && !(users & SLOT_STATE);
}

/**
 * slot_is_leaving - is an event about to end the mapping, or to put it back?
 * @users: its word
 */
SLOT bool slot_is_leaving(u32 users)
{
	return (users & SLOT_STATE) >= SLOT_ENDING;
}

/**
 * slot_has_identity - may others read what the slot holds as a mapping that is there?
 * @users: its word
 */
SLOT bool slot_has_identity(u32 users)
{
	return users && (users & SLOT_STATE) != SLOT_TAKEN;
}

#endif
