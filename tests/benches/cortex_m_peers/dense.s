@ Dense layers for Armv7E-M, four rows at a time: what Lacewing's sparse kernels are compared with.

    .syntax unified
    .thumb
    .fpu fpv4-sp-d16

@ const float *dense_f32(const float *weights, const float *x, float *y, int cols, int panels, int relu)
@ Weights of four rows lie side by side; the biases behind all weights; the result is behind these.
@ s0-s3 sums   s4-s7 inputs   s16-s31 weights of four columns
    .section .text.dense_f32, "ax", %progbits
    .balign 4
    .global dense_f32
    .type   dense_f32, %function
    .thumb_func
dense_f32:
    push    {r4-r11, lr}
    vpush   {s16-s31}
    ldrd    r4, r5, [sp, #100]
    mul     r6, r3, r4
    add     r6, r0, r6, lsl #4
    lsr     r7, r3, #3
    and     r8, r3, #7
1:  mov     r9, r1
    vldr    d0, 9f
    vldr    d1, 9f
    movs    r10, r7
    beq     3f
2:
    .rept   2
    vldmia  r9!, {s4-s7}
    vldmia  r0!, {s16-s31}
    vfma.f32 s0, s16, s4
    vfma.f32 s1, s17, s4
    vfma.f32 s2, s18, s4
    vfma.f32 s3, s19, s4
    vfma.f32 s0, s20, s5
    vfma.f32 s1, s21, s5
    vfma.f32 s2, s22, s5
    vfma.f32 s3, s23, s5
    vfma.f32 s0, s24, s6
    vfma.f32 s1, s25, s6
    vfma.f32 s2, s26, s6
    vfma.f32 s3, s27, s6
    vfma.f32 s0, s28, s7
    vfma.f32 s1, s29, s7
    vfma.f32 s2, s30, s7
    vfma.f32 s3, s31, s7
    .endr
    subs    r10, #1
    bne     2b
3:  movs    r10, r8
    beq     5f
4:  vldmia  r9!, {s4}
    vldmia  r0!, {s16-s19}
    vfma.f32 s0, s16, s4
    vfma.f32 s1, s17, s4
    vfma.f32 s2, s18, s4
    vfma.f32 s3, s19, s4
    subs    r10, #1
    bne     4b
5:  vldmia  r6!, {s4-s7}
    vadd.f32 s0, s0, s4
    vadd.f32 s1, s1, s5
    vadd.f32 s2, s2, s6
    vadd.f32 s3, s3, s7
    cbz     r5, 6f
    vmov    r9, r10, s0, s1
    vmov    r11, r12, s2, s3
    bic     r9, r9, r9, asr #31
    bic     r10, r10, r10, asr #31
    bic     r11, r11, r11, asr #31
    bic     r12, r12, r12, asr #31
    stmia   r2!, {r9-r12}
    b       7f
6:  vstmia  r2!, {s0-s3}
7:  subs    r4, #1
    bne     1b
    mov     r0, r6
    vpop    {s16-s31}
    pop     {r4-r11, pc}
    .balign 4
9:  .word   0, 0

@ void dense_s8(const int8_t *weights, const int16_t *x, int32_t *sums, int cols, int panels, const int32_t *biases)
@ r3 eights of columns   r4-r7 sums   r8-r11 weights of four rows   r12, lr inputs
    .section .text.dense_s8, "ax", %progbits
    .balign 4
    .global dense_s8
    .type   dense_s8, %function
    .thumb_func
dense_s8:
    push    {r4-r11, lr}
    sub     sp, #16
    str     r2, [sp]
    lsr     r3, r3, #3
    str     r3, [sp, #4]
    str     r1, [sp, #8]
    ldr     r2, [sp, #56]
1:  ldm     r2!, {r4-r7}
    str     r2, [sp, #12]
2:
    .rept   2
    ldmia   r0!, {r8-r11}
    ldr     r12, [r1], #4
    ldr     lr, [r1], #4
    sxtb16  r2, r8
    smlad   r4, r2, r12, r4
    sxtb16  r2, r8, ror #8
    smlad   r4, r2, lr, r4
    sxtb16  r2, r9
    smlad   r5, r2, r12, r5
    sxtb16  r2, r9, ror #8
    smlad   r5, r2, lr, r5
    sxtb16  r2, r10
    smlad   r6, r2, r12, r6
    sxtb16  r2, r10, ror #8
    smlad   r6, r2, lr, r6
    sxtb16  r2, r11
    smlad   r7, r2, r12, r7
    sxtb16  r2, r11, ror #8
    smlad   r7, r2, lr, r7
    .endr
    subs    r3, #1
    bne     2b
    ldrd    r2, r3, [sp]
    stmia   r2!, {r4-r7}
    str     r2, [sp]
    ldrd    r1, r2, [sp, #8]
    ldr     r12, [sp, #52]
    subs    r12, #1
    str     r12, [sp, #52]
    bne     1b
    add     sp, #16
    pop     {r4-r11, pc}

@ void requantise_s8(const int32_t *sums, int16_t *x, int rows, float scale)
    .section .text.requantise_s8, "ax", %progbits
    .balign 4
    .global requantise_s8
    .type   requantise_s8, %function
    .thumb_func
requantise_s8:
    push    {r4-r5, lr}
1:  vldmia  r0!, {s4-s7}
    vcvt.f32.s32 s4, s4
    vcvt.f32.s32 s5, s5
    vcvt.f32.s32 s6, s6
    vcvt.f32.s32 s7, s7
    vmul.f32 s4, s4, s0
    vmul.f32 s5, s5, s0
    vmul.f32 s6, s6, s0
    vmul.f32 s7, s7, s0
    vcvtr.s32.f32 s4, s4
    vcvtr.s32.f32 s5, s5
    vcvtr.s32.f32 s6, s6
    vcvtr.s32.f32 s7, s7
    vmov    r3, r4, s4, s5
    vmov    r5, r12, s6, s7
    usat    r3, #7, r3
    usat    r4, #7, r4
    usat    r5, #7, r5
    usat    r12, #7, r12
    pkhbt   r3, r3, r5, lsl #16
    pkhbt   r4, r4, r12, lsl #16
    stmia   r1!, {r3, r4}
    subs    r2, #4
    bne     1b
    pop     {r4-r5, pc}

    .section .note.GNU-stack, "", %progbits
