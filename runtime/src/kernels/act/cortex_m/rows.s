@ y = W x for links in place, by Armv7E-M with a single-precision FPU (Cortex-M4F, Cortex-M7).
@
@ One routine for each way that a layer may be stored, put together from macros: how many links a row
@ has, which inputs they take, their weights. Links go by fours, which hide each other's latency; what
@ is left of a row goes by two and by one. The twin in `twin.rs` adds up in the same order.
@
@ r0 inputs    r4 lengths of rows          r7-r10 four columns, then their inputs; weights as f16
@ r1 columns   r5 the length of all rows   r11 column behind the last link; with pointers, links so far
@ r2 weights   r6 links left in this row   r12 free
@ r3 outputs   the end of the outputs is   lr what the codec keeps
@              in that of r4 and r5 which
@              the lengths leave free
@ s0-s3 sums   s4-s7 weights   s8-s9 weights as f16   s12-s15 inputs

    .syntax unified
    .thumb
    .fpu fpv4-sp-d16

@ --- How many links the next row has: r6. Gaps begin at column 0.

.macro lacewing_pointers_length
    ldr     r12, [r4], #4
    sub     r6, r12, r11
    mov     r11, r12
.endm

.macro lacewing_bytes_length
    ldrb    r6, [r4], #1
    movs    r11, #0
.endm

.macro lacewing_constant_length
    mov     r6, r5
    movs    r11, #0
.endm

@ In a layer with all its links rows begin at the first input.
.macro lacewing_whole_length
    mov     r6, r5
    mov     r1, r0
.endm

@ --- The inputs of the next links: s12 and up.

@ All inputs, one after the other.
.macro lacewing_all_start
.endm
.macro lacewing_all_1
    vldmia  r1!, {s12}
.endm
.macro lacewing_all_2
    vldmia  r1!, {s12-s13}
.endm
.macro lacewing_all_4
    vldmia  r1!, {s12-s15}
.endm

.macro lacewing_to_fpu_4
    vmov    s12, s13, r7, r8
    vmov    s14, s15, r9, r10
.endm

@ Columns as they are.
.macro lacewing_u16_start
.endm
.macro lacewing_u16_1
    ldrh    r7, [r1], #2
    ldr     r7, [r0, r7, lsl #2]
    vmov    s12, r7
.endm
.macro lacewing_u16_2
    ldrh    r7, [r1], #2
    ldrh    r8, [r1], #2
    ldr     r7, [r0, r7, lsl #2]
    ldr     r8, [r0, r8, lsl #2]
    vmov    s12, s13, r7, r8
.endm
.macro lacewing_u16_4
    ldrh    r7, [r1], #2
    ldrh    r8, [r1], #2
    ldrh    r9, [r1], #2
    ldrh    r10, [r1], #2
    ldr     r7, [r0, r7, lsl #2]
    ldr     r8, [r0, r8, lsl #2]
    ldr     r9, [r0, r9, lsl #2]
    ldr     r10, [r0, r10, lsl #2]
    lacewing_to_fpu_4
.endm

@ What all gaps share: r11 is one more than the column, so inputs are looked up one lower.
.macro lacewing_gaps_start
    subs    r0, #4
.endm
.macro lacewing_gaps_1 link
    \link   r7
    vmov    s12, r7
.endm
.macro lacewing_gaps_2 link
    \link   r7
    \link   r8
    vmov    s12, s13, r7, r8
.endm
.macro lacewing_gaps_4 link
    \link   r7
    \link   r8
    \link   r9
    \link   r10
    lacewing_to_fpu_4
.endm

@ Gaps of one byte each: no gap of the layer is 255 or more. They are added up by bytes of one word.
.macro lacewing_gap_link input
    ldrb    r12, [r1], #1
    add     r11, r11, r12
    adds    r11, #1
    ldr     \input, [r0, r11, lsl #2]
.endm
.macro lacewing_gap_start
    lacewing_gaps_start
    mov     lr, #0x01010101
.endm
.macro lacewing_gap_1
    lacewing_gaps_1 lacewing_gap_link
.endm
.macro lacewing_gap_2
    ldrh    r12, [r1], #2
    uadd8   r12, r12, lr
    uxtab   r7, r11, r12
    uxtab   r11, r7, r12, ror #8
    ldr     r7, [r0, r7, lsl #2]
    ldr     r8, [r0, r11, lsl #2]
    vmov    s12, s13, r7, r8
.endm
.macro lacewing_gap_4
    ldr     r12, [r1], #4
    uadd8   r12, r12, lr
    uxtab   r7, r11, r12
    uxtab   r8, r7, r12, ror #8
    uxtab   r9, r8, r12, ror #16
    uxtab   r11, r9, r12, ror #24
    ldr     r7, [r0, r7, lsl #2]
    ldr     r8, [r0, r8, lsl #2]
    ldr     r9, [r0, r9, lsl #2]
    ldr     r10, [r0, r11, lsl #2]
    lacewing_to_fpu_4
.endm

@ Gaps of any length: a byte of 255 skips so many columns and goes on.
.macro lacewing_skip_link input
9:  ldrb    r12, [r1], #1
    add     r11, r11, r12
    cmp     r12, #255
    beq     9b
    adds    r11, #1
    ldr     \input, [r0, r11, lsl #2]
.endm
.macro lacewing_skip_start
    lacewing_gaps_start
.endm
.macro lacewing_skip_1
    lacewing_gaps_1 lacewing_skip_link
.endm
.macro lacewing_skip_2
    lacewing_gaps_2 lacewing_skip_link
.endm
.macro lacewing_skip_4
    lacewing_gaps_4 lacewing_skip_link
.endm

@ The same by nibbles, with 15 for 255. lr has those left of a byte below a bit that is 1, so that it is 1
@ where there are none.
.macro lacewing_nibble_link input
8:  cmp     lr, #1
    bne     9f
    ldrb    lr, [r1], #1
    orr     lr, lr, #0x100
9:  and     r12, lr, #15
    lsr     lr, lr, #4
    add     r11, r11, r12
    cmp     r12, #15
    beq     8b
    adds    r11, #1
    ldr     \input, [r0, r11, lsl #2]
.endm
.macro lacewing_nibble_start
    lacewing_gaps_start
    mov     lr, #1
.endm
.macro lacewing_nibble_1
    lacewing_gaps_1 lacewing_nibble_link
.endm
.macro lacewing_nibble_2
    lacewing_gaps_2 lacewing_nibble_link
.endm
.macro lacewing_nibble_4
    lacewing_gaps_4 lacewing_nibble_link
.endm

@ --- The next weights: s4 and up.

.macro lacewing_f32_1
    vldmia  r2!, {s4}
.endm
.macro lacewing_f32_2
    vldmia  r2!, {s4-s5}
.endm
.macro lacewing_f32_4
    vldmia  r2!, {s4-s7}
.endm

@ Where every row begins at a whole word, as the FPU wants it.
.macro lacewing_f16_words_1
    lacewing_f16_1
.endm
.macro lacewing_f16_words_2
    vldmia  r2!, {s8}
    vcvtb.f32.f16 s4, s8
    vcvtt.f32.f16 s5, s8
.endm
.macro lacewing_f16_words_4
    vldmia  r2!, {s8-s9}
    lacewing_f16_widen_4
.endm

@ Elsewhere by the core.
.macro lacewing_f16_widen_4
    vcvtb.f32.f16 s4, s8
    vcvtt.f32.f16 s5, s8
    vcvtb.f32.f16 s6, s9
    vcvtt.f32.f16 s7, s9
.endm
.macro lacewing_f16_1
    ldrh    r7, [r2], #2
    vmov    s8, r7
    vcvtb.f32.f16 s4, s8
.endm
.macro lacewing_f16_2
    ldr     r7, [r2], #4
    vmov    s8, r7
    vcvtb.f32.f16 s4, s8
    vcvtt.f32.f16 s5, s8
.endm
.macro lacewing_f16_4
    ldr     r7, [r2], #4
    ldr     r8, [r2], #4
    vmov    s8, s9, r7, r8
    lacewing_f16_widen_4
.endm

@ --- A layer.

.macro lacewing_four index, value
    lacewing_\index\()_4
    lacewing_\value\()_4
    vfma.f32 s0, s4, s12
    vfma.f32 s1, s5, s13
    vfma.f32 s2, s6, s14
    vfma.f32 s3, s7, s15
.endm

@ What is left of a row beside fours, and the sum of all: s0.
.macro lacewing_rest index, value
    tst     r6, #2
    beq     5f
    lacewing_\index\()_2
    lacewing_\value\()_2
    vfma.f32 s0, s4, s12
    vfma.f32 s1, s5, s13
5:  tst     r6, #1
    beq     6f
    lacewing_\index\()_1
    lacewing_\value\()_1
    vfma.f32 s2, s4, s12
6:  vadd.f32 s0, s0, s1
    vadd.f32 s2, s2, s3
    vadd.f32 s0, s0, s2
.endm

@ void lacewing_rows_…(const Rows *): see `Rows` in `mod.rs`.
.macro lacewing_rows index, length, value, end
    .section .text.lacewing_rows_\index\()_\length\()_\value, "ax", %progbits
    .balign 4
    .global lacewing_rows_\index\()_\length\()_\value
    .type   lacewing_rows_\index\()_\length\()_\value, %function
    .thumb_func
lacewing_rows_\index\()_\length\()_\value:
    push    {r4-r11, lr}
    ldr     r12, [r0, #24]
    ldm     r0, {r0-r5}
    mov     \end, r12
    lacewing_\index\()_start
    movs    r11, #0
1:  lacewing_\length\()_length
    vldr    d0, 7f
    vldr    d1, 7f
    subs    r6, #8
    blt     3f
2:  lacewing_four \index, \value
    lacewing_four \index, \value
    subs    r6, #8
    bge     2b
    @ What is left, less eight: that changes none of these bits.
3:  tst     r6, #4
    beq     4f
    lacewing_four \index, \value
4:  lacewing_rest \index, \value
    vstmia  r3!, {s0}
    cmp     r3, \end
    bne     1b
    pop     {r4-r11, pc}
    .balign 4
7:  .word   0, 0
    .size   lacewing_rows_\index\()_\length\()_\value, . - lacewing_rows_\index\()_\length\()_\value
.endm

@ Eight links of a layer with all of them, in f32.
.macro lacewing_all_eight
    vldmia  r2!, {s4-s11}
    vldmia  r1!, {s12-s19}
    vfma.f32 s0, s4, s12
    vfma.f32 s1, s5, s13
    vfma.f32 s2, s6, s14
    vfma.f32 s3, s7, s15
    vfma.f32 s0, s8, s16
    vfma.f32 s1, s9, s17
    vfma.f32 s2, s10, s18
    vfma.f32 s3, s11, s19
.endm

@ As above, where nothing is looked up.
    .section .text.lacewing_rows_all_whole_f32, "ax", %progbits
    .balign 4
    .global lacewing_rows_all_whole_f32
    .type   lacewing_rows_all_whole_f32, %function
    .thumb_func
lacewing_rows_all_whole_f32:
    push    {r4-r6, lr}
    vpush   {s16-s19}
    ldr     r12, [r0, #24]
    ldm     r0, {r0-r5}
1:  lacewing_whole_length
    vldr    d0, 7f
    vldr    d1, 7f
    subs    r6, #16
    blt     3f
2:  lacewing_all_eight
    lacewing_all_eight
    subs    r6, #16
    bge     2b
    @ What is left, less sixteen: that changes none of these bits.
3:  tst     r6, #8
    beq     4f
    lacewing_all_eight
4:  tst     r6, #4
    beq     5f
    lacewing_four all, f32
5:  lacewing_rest all, f32
    vstmia  r3!, {s0}
    cmp     r3, r12
    bne     1b
    vpop    {s16-s19}
    pop     {r4-r6, pc}
    .balign 4
7:  .word   0, 0
    .size   lacewing_rows_all_whole_f32, . - lacewing_rows_all_whole_f32

    lacewing_rows u16, pointers, f32, r5
    lacewing_rows u16, pointers, f16, r5
    lacewing_rows u16, constant, f32, r4
    lacewing_rows u16, constant, f16, r4
    lacewing_rows gap, bytes, f32, r5
    lacewing_rows gap, bytes, f16, r5
    lacewing_rows gap, constant, f32, r4
    lacewing_rows gap, constant, f16, r4
    lacewing_rows skip, bytes, f32, r5
    lacewing_rows skip, bytes, f16, r5
    lacewing_rows skip, constant, f32, r4
    lacewing_rows skip, constant, f16, r4
    lacewing_rows nibble, bytes, f32, r5
    lacewing_rows nibble, bytes, f16, r5
    lacewing_rows nibble, constant, f32, r4
    lacewing_rows nibble, constant, f16, r4
    lacewing_rows all, whole, f16, r4
    lacewing_rows all, whole, f16_words, r4
